"""What a page may state, read from the results of a run."""
