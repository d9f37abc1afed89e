"""What makes a key too weak: whoever guesses it finds the person behind every pseudonym by trying names."""

from __future__ import annotations

import re
from collections import Counter

SHORTEST = 32
"""Bytes of a key, at least."""

_DIFFERENT = 8
"""A random key in hexadecimal has fewer once in twenty million times; with ten it was once in twelve thousand."""
_RUN = re.compile(rb"[a-z]{4,}|[A-Z]{4,}|[A-Z][a-z]{3,}")


def weakness(key: bytes) -> str:
    """Return why a key is too easy to guess, "" when nothing speaks against it; never a part of the key."""
    if not key:
        return "there is no key"
    if len(key) < SHORTEST:
        return f"the key is too short to be safe: {len(key)} bytes"
    if len(set(key)) < _DIFFERENT or max(Counter(key).values()) > 0.4 * len(key):
        return f"the key is too simple to be safe: fewer than {_DIFFERENT} different bytes, or one of them all the time"
    if _steps(key):
        return "the key is too simple to be safe: its bytes follow one another"
    if _repeats(key):
        return "the key is too simple to be safe: a part of it comes again"
    # Random digits in hexadecimal or base64 hold few letters of one case in a row, and figures; words hold little else,
    # and among their letters more vowels.
    figures, letters = sum(chr(x).isdigit() for x in key), [x for x in key.lower() if chr(x).isalpha()]
    share = 0.5 if b" " in key else 0.7
    in_words = sum(map(len, _RUN.findall(key))) > share * len(key) and figures < 0.08 * len(key)
    if in_words and sum(x in b"aeiouy" for x in letters) > 0.25 * len(letters):
        return "the key is too simple to be safe: it is made of words"
    return ""


def _steps(key: bytes) -> bool:
    """Tell whether most bytes differ from the one before by the same step, as in 0123 or 8642."""
    steps = Counter((b - a) % 256 for a, b in zip(key, key[1:], strict=False))
    return steps.most_common(1)[0][1] > 0.4 * (len(key) - 1)


def _repeats(key: bytes) -> bool:
    """Tell whether pieces of four bytes come again: of random ones hardly any do."""
    pieces = [key[i : i + 4] for i in range(len(key) - 3)]
    return len(set(pieces)) < 0.8 * len(pieces)
