"""A job file to a results folder: read, checked, carried out."""
