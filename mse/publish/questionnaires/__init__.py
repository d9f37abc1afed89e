"""Questionnaires of international bodies: what they ask, and what of it a release holds."""
