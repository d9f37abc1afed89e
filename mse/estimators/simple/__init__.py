"""Estimators that fit on one line."""
