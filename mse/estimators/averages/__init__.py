"""Averages over many models: enumerated, decomposable, found by search."""
