"""Where the folders lie that ship beside the package: in the wheel, else in the repository."""

from __future__ import annotations

from pathlib import Path

_IN_WHEEL = Path(__file__).parent.parent / "_shipped"
_IN_REPOSITORY = Path(__file__).parent.parent.parent


def folder_beside(kind: str) -> Path:
    """Return the folder of one kind, for example ``"reports/templates"``; it may not exist."""
    inside = _IN_WHEEL / kind
    return inside if inside.is_dir() else _IN_REPOSITORY / kind
