"""The words for everything that is said, in every language, and how numbers are written."""
