"""What is said, as codes with values, and the words for it in every language."""
