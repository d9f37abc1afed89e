"""The multilevel model for strata and years: partial pooling, random walks, breaks."""
