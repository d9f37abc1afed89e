"""How a setting is read from a file, an option or Python, where it stands, and what is wrong with it."""
