"""Bloom filters of names and dates of birth: keyed encodings of which similar ones are similar (CLK).

A keyed hash of a name with a typing error is another one altogether. A Bloom filter (Schnell, Bachteler & Reiher 2009,
BMC Med. Inform. Decis. Mak. 9, 41) is a row of `LENGTH` bits in which every piece of the name sets a few that depend
on the key; two names with most pieces in common have most bits in common, which the Dice similarity 2 |A ∩ B| / (|A|
+ |B|) measures. The pieces of names are pairs of letters, the start and the end of a word being letters too; surname
and given name share one filter, so that exchanging them changes nothing. The pieces of a date are its year, month and
day, their digits at their places, and day and month in either order.

**What they reveal.** The bits of a piece are HMAC-SHA-256 with the key, so nobody without it can encode a name and
compare. But equal pieces set equal bits in every row: whoever has many filters can count patterns, set them beside
how often pairs of letters and dates occur in the population, and name the most common names without the key (Kuzu et
al. 2011; Niedermeyer et al. 2014; Christen et al. 2018; Vidanage et al. 2020). That is more than keyed hashes of
whole names show. They are for a trusted linkage unit, are to be deleted once linked, and are left out unless they are
asked for.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

LENGTH = 512
"""Bits: as many as 128 hexadecimal digits hold."""
NAME_BITS, BIRTH_BITS = 10, 20
"""Bits that a piece sets; about half of all bits are set then."""

_HEAD = b"mse-clk/1\x1f"


class Filters:
    """Makes Bloom filters with one key.

    Parameters
    ----------
    key : bytes
        As `mse.intake.pseudonyms.keyedhash.read_key` returns it.
    """

    def __init__(self, key: bytes) -> None:
        self._start = hmac.new(key, _HEAD, "sha512")
        self._positions = lru_cache(2**16)(self._piece)
        self.names, self.birth = lru_cache(2**16)(self._names), lru_cache(2**16)(self._birth)

    def _names(self, surname: str, given: str) -> str:
        """Return the filter of two names as they are hashed, in hexadecimal digits; "" when neither is known."""
        return self._filter([piece for name in (surname, given) if name for piece in _pairs(name)], "n", NAME_BITS)

    def _birth(self, day: str) -> str:
        """Return the filter of a date in ISO; "" when it is not known."""
        if not day:
            return ""
        year, month, date = day.split("-")
        pieces = [f"Y{year}", f"M{month}", f"D{date}", *(f"y{i}{x}" for i, x in enumerate(year) if i > 1),
                  *(f"d{i}{x}" for i, x in enumerate(date)), f"x{min(month, date)}{max(month, date)}"]  # fmt: skip
        return self._filter(pieces, "b", BIRTH_BITS)

    def _filter(self, pieces: list[str], kind: str, bits: int) -> str:
        if not pieces:
            return ""
        found = 0
        for piece in pieces:
            found |= self._positions(f"{kind}{piece}", bits)
        return f"{found:0{LENGTH // 4}x}"

    def _piece(self, piece: str, bits: int) -> int:
        """Return the bits that a piece sets."""
        message = self._start.copy()
        message.update(piece.encode())
        digest = message.digest()
        found = 0
        for i in range(bits):
            found |= 1 << (int.from_bytes(digest[2 * i : 2 * i + 2]) % LENGTH)
        return found


def _pairs(name: str) -> list[str]:
    padded = f"_{name}_"
    return [padded[i : i + 2] for i in range(len(padded) - 1)]
