"""Disclosure control: what of a table of counts may leave the house, and the attack on it."""
