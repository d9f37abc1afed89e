"""Digests of an audit record, keyed: without the secret that lies beside them no guess can be held against them.

A digest of a table that is not public would let anybody who knows its margins find its small counts by trying: fifty
guesses are enough. The audit record therefore keeps digests under a secret of its own, and nothing else keeps any.
"""

from __future__ import annotations

import hmac

KEYED = "hmac-sha256:"


def keyed(secret: str, digest: str) -> str:
    """Return a digest under a secret; one that is keyed already stays as it is."""
    if digest.startswith(KEYED):
        return digest
    return KEYED + hmac.new(secret.encode(), digest.encode(), "sha256").hexdigest()


def same_content(secret: str | None, stored: str, digest: str) -> bool:
    """Tell whether a stored digest, keyed under a secret or plain, is that of the content with this digest."""
    found = [digest] if secret is None else [digest, keyed(secret, digest)]
    return any(hmac.compare_digest(stored.encode(), one.encode()) for one in found)
