"""Lists by strata in one model: blind and missing lists, missing labels, bounded cells."""
