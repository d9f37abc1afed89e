"""What became of registered counts at the date of a measure: the numbers, the sentences, the page."""
