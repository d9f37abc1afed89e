"""What makes a key too weak: whoever guesses it finds the person behind every pseudonym by trying names."""

from __future__ import annotations

import re
from collections import Counter

from mse.words.said import Said, said

SHORTEST = 32
"""Bytes of a key, at least."""

_DIFFERENT = 8
"""A random key in hexadecimal has fewer once in twenty million times; with ten it was once in twelve thousand."""
_RUN = re.compile(rb"[a-z]{4,}|[A-Z]{4,}|[A-Z][a-z]{3,}")


def weakness(key: bytes) -> Said | None:
    """Return why a key is too easy to guess, None when nothing speaks against it; never a part of the key."""
    if not key:
        return said("found.key_none")
    if len(key) < SHORTEST:
        return said("found.key_short", bytes=len(key))
    if len(set(key)) < _DIFFERENT or max(Counter(key).values()) > 0.4 * len(key):
        return said("found.key_same_bytes", fewest=_DIFFERENT)
    if _steps(key):
        return said("found.key_in_steps")
    if _repeats(key):
        return said("found.key_again")
    # Random digits in hexadecimal or base64 hold few letters of one case in a row, and figures; words hold little else,
    # and among their letters more vowels.
    figures, letters = sum(chr(x).isdigit() for x in key), [x for x in key.lower() if chr(x).isalpha()]
    share = 0.5 if b" " in key else 0.7
    in_words = sum(map(len, _RUN.findall(key))) > share * len(key) and figures < 0.08 * len(key)
    if in_words and sum(x in b"aeiouy" for x in letters) > 0.25 * len(letters):
        return said("found.key_of_words")
    return None


def _steps(key: bytes) -> bool:
    """Tell whether most bytes differ from the one before by the same step, as in 0123 or 8642."""
    steps = Counter((b - a) % 256 for a, b in zip(key, key[1:], strict=False))
    return steps.most_common(1)[0][1] > 0.4 * (len(key) - 1)


def _repeats(key: bytes) -> bool:
    """Tell whether pieces of four bytes come again: of random ones hardly any do."""
    pieces = [key[i : i + 4] for i in range(len(key) - 3)]
    return len(set(pieces)) < 0.8 * len(pieces)
