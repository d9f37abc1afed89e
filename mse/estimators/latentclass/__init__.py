"""Latent classes: an unknown number of kinds of persons, each seen by the lists in its own way."""
