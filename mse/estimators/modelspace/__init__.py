"""Hierarchical models that are searched, walked over, weighed and corrected, whatever they are fitted to."""
