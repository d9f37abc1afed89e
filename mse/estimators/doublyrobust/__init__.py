"""One pair of lists given covariates of each person, doubly robust."""
