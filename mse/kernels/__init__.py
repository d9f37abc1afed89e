"""Compiled loops: arrays and scalars in, named tuples out."""
