"""National registers with a known truth: victims, the lists that see some, the files that suppliers would send."""
