"""Indicators of a result: in view and hidden, per 100,000, change, SDG 16.2.2."""
