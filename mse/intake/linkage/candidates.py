"""Which pairs of registrations are compared: those that agree on all the parts of one of some combinations.

A combination in which too many pairs agree (in a large register, with common names) is asked for one part more. Pairs
of one pseudonym are not compared: they are one person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mse.intake.linkage.evidence import (
    BIRTH_DATE,
    BIRTH_YEAR,
    EITHER_DAY,
    EITHER_NAME,
    GIVEN,
    INITIAL,
    KNOWN,
    SOUND,
    SURNAME,
    Codes,
    Records,
    joined_codes,
)
from mse.kernels.arrays import Integers

CHUNK = 1_000_000
"""Pairs that are looked at together."""

MOST = 40_000_000
"""Pairs that one combination may bring."""

BLOCKS: tuple[tuple[str, ...], ...] = (
    (SURNAME, GIVEN), (BIRTH_DATE,), (SOUND, INITIAL, BIRTH_YEAR), (SURNAME, BIRTH_YEAR), (GIVEN, BIRTH_YEAR),
)  # fmt: skip
"""Combinations, as far as the registers have the parts."""

NARROWER: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    (SURNAME, GIVEN): ((SURNAME, GIVEN, BIRTH_YEAR), (SURNAME, GIVEN, "labels")),
    (BIRTH_DATE,): ((BIRTH_DATE, GIVEN), (BIRTH_DATE, SURNAME), (BIRTH_DATE, SOUND), (BIRTH_DATE, INITIAL)),
    (SURNAME, BIRTH_YEAR): ((SURNAME, BIRTH_YEAR, INITIAL),),
    (GIVEN, BIRTH_YEAR): ((GIVEN, BIRTH_YEAR, SOUND),),
}
"""What is asked instead where a combination brings too many pairs."""

WIDER = {(SURNAME, GIVEN): EITHER_NAME, (BIRTH_DATE,): EITHER_DAY}
"""What is asked in the place of a combination where the registers have it: the same in either order."""


def block_codes(records: Records, most: int = MOST) -> list[Codes]:
    """Return the combinations as codes: pairs that are equal in one of them are compared."""
    have = records.parts
    wanted = [block for block in BLOCKS if set(block) <= set(have)]
    if SURNAME not in have or GIVEN not in have:
        wanted += [(x, BIRTH_DATE) for x in (SURNAME, GIVEN) if x in have and BIRTH_DATE in have]
    wanted += [(name,) for name in have if name not in KNOWN and name.endswith("_hash")]
    found: list[Codes] = []
    for block in wanted:
        wider = [have[WIDER[block]]] if WIDER.get(block) in have else []
        codes = (*wider, joined_codes([have[name] for name in block]))
        code = next((code for code in codes if _pairs(code) <= most), None)
        if code is not None:
            found.append(code)
            continue
        for narrower in NARROWER.get(block, ()):
            columns = [have[name] for name in narrower if name in have]
            columns += list(records.labels.values()) if "labels" in narrower else []
            if len(columns) >= len(narrower):
                code = joined_codes(columns)
                if _pairs(code) <= most:
                    found.append(code)
    return found


def _pairs(code: Codes) -> float:
    size = np.bincount(code[code >= 0]).astype(np.float64)
    return float((size * (size - 1.0)).sum() / 2.0)


def candidate_pairs(records: Records, blocks: Sequence[Codes]) -> Iterator[tuple[Integers, Integers]]:
    """Yield the pairs with different pseudonyms that agree on a combination, each once: left < right, in chunks."""
    for number, code in enumerate(blocks):
        for left, right in pairs_within(code):
            fresh = records.person[left] != records.person[right]
            for earlier in blocks[:number]:
                fresh &= (earlier[left] != earlier[right]) | (earlier[left] < 0)
            left, right = left[fresh], right[fresh]
            yield np.minimum(left, right), np.maximum(left, right)


def pairs_within(code: Codes | Integers, chunk: int = CHUNK) -> Iterator[tuple[Integers, Integers]]:
    """Yield all pairs with one code, -1 left out, in chunks of about `chunk`."""
    order = np.argsort(code, kind="stable")
    order = order[int((code < 0).sum()) :]
    if not order.size:
        return
    value = code[order]
    ends = np.searchsorted(value, value, side="right")
    later = ends - np.arange(order.size) - 1  # how many of the same code come after each
    total = np.concatenate([[0], np.cumsum(later)])
    start = 0
    while start < order.size and total[-1] > total[start]:
        stop = max(int(np.searchsorted(total, total[start] + chunk, side="right")) - 1, start + 1)
        count = later[start:stop]
        first = np.repeat(np.arange(start, stop), count)
        within = np.arange(first.size) - np.repeat(total[start:stop] - total[start], count)
        yield order[first], order[first + 1 + within]
        start = stop
