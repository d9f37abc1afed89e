"""What anybody may have of a result: the bundle, its figures, and the check of it."""
