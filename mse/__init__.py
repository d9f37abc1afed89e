"""Multiple systems estimation, from an overlap table to what may be said in public."""

__version__ = "0.1.0"
