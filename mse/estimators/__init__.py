"""Many ways from an overlap table to the law of N, all in one form: ``estimate(table, spec, *, seed) -> Posterior``."""
