"""Other lines of evidence beside lists: surveys, and rates along the chain."""
