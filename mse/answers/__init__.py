"""What estimators return: the law of N, its draws and parts, what is read off them, and the folder of a run."""
