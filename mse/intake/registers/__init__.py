"""Files of suppliers read, guarded and checked row by row."""
