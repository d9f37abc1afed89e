"""Shrinkage: one model with all terms, whose scales are learned."""
