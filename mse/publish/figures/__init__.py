"""Key figures: sentences with a number, made from nothing but what may be published."""
