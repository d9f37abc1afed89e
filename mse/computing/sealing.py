"""Digests of an audit record, keyed: without the secret that lies beside them no guess can be held against them.

A digest of a table that is not public would let anybody who knows its margins find its small counts by trying: fifty
guesses are enough. The audit record therefore keeps digests under a secret of its own, and nothing else keeps any.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

SECRET = "secret"
"""Entry of the provenance with the secret of the record; it never leaves."""

KEYED = "hmac-sha256:"


def keyed(secret: str, digest: str) -> str:
    """Return a digest under a secret; one that is keyed already stays as it is."""
    if digest.startswith(KEYED):
        return digest
    return KEYED + hmac.new(secret.encode(), digest.encode(), "sha256").hexdigest()


def sealed(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provenance whose digests are keyed, with its secret; as it is where the table is public anyway."""
    table = provenance.get("table")
    if not isinstance(table, Mapping) or table.get("public") is True:
        return dict(provenance)
    secret = str(provenance.get(SECRET) or secrets.token_hex(32))
    about = dict(table)
    if isinstance(about.get("digest"), str):
        about["digest"] = keyed(secret, about["digest"])
    file = about.get("file")
    if isinstance(file, Mapping) and isinstance(file.get("sha256"), str):
        about["file"] = {**{k: v for k, v in file.items() if k != "sha256"}, "digest": keyed(secret, file["sha256"])}
    registers = about.get("registers")
    if isinstance(registers, Mapping):
        # A contract says what was agreed, not who was registered: whether it changed can be seen from record to record.
        about["registers"] = {
            name: digest if "contract" in name else keyed(secret, str(digest)) for name, digest in registers.items()
        }
    return {**provenance, SECRET: secret, "table": about}


def same_content(provenance: Mapping[str, Any], stored: object, digest: str) -> bool:
    """Tell whether a stored digest, keyed or plain, is that of the content with this digest."""
    secret = provenance.get(SECRET)
    found = [digest] if secret is None else [digest, keyed(str(secret), digest)]
    return any(hmac.compare_digest(str(stored), one) for one in found)
