"""Strata: tables with covariates, blind and missing lists, missing labels and bounded cells, and models of them."""
