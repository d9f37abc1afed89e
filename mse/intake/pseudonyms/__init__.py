"""Keyed hashes in place of identities, before a file leaves its supplier."""
