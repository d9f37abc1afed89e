"""Named problems and the commands that write their figures into the README."""
