"""An attacker of key figures: whoever reads every number of `key-figures.csv`, and nothing else.

Written without the project's own attack: an integer programme over the cells of the table, by scipy. Every count, every
share, change and multiple with its ends becomes a condition on sums of cells. The first of a ranking says of every
other level that it has no more persons, and by its probability mostly fewer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import beta

Levels = Mapping[str, Sequence[str]]


def conditions(rows: pd.DataFrame, dims: Levels, time: str | None, off: int) -> list[tuple[np.ndarray, float, float]]:
    """Return what the rows of one source say: weights of cells, and between which ends their sum lies."""
    places = list(itertools.product(*dims.values()))

    def cells(*texts: str, when: str) -> np.ndarray:
        chosen: dict[str, set[str]] = {}
        for text in texts:
            for part in filter(None, text.split("; ")):
                dim, _, levels = part.partition(" = ")
                chosen[dim] = set(levels.split(" + "))
        if time is not None and when:
            chosen[time] = {when}
        levels = [dict(zip(dims, p, strict=True)) for p in places]
        return np.array([all(one[d] in x for d, x in chosen.items()) for one in levels], float)

    found = []
    for row in rows.astype(object).where(rows.notna(), "").to_dict("records"):
        when = row["period"] if time is not None and "-" not in row["period"] else ""
        where, of = row["where"], row["of"]
        now = cells(*([of, where] if row["kind"] in ("share", "share change") else [where]), when=when)
        if row["kind"] == "rank" and row["level"]:
            now = cells(where, f"form = {row['level']}", when=when)
        base = cells(of, when=when)
        if row["kind"] in ("change", "multiple"):
            base = cells(where, when=row["against"]) if row["against"] else cells(of, when=when)
        if row["kind"] == "rank":
            base = cells(where, when=when)
            if row["level"] and off == 0:
                most = _no_more(int(row["count"]), float(row["probability"]))
                others = [x for x in dims["form"] if x != row["level"]]
                found += [(cells(where, f"form = {x}", when=when), 0.0, float(most)) for x in others]
        then = cells(of, where, when=row["against"]), cells(of, when=row["against"])
        for weights, key in ((now, "count"), (base, "base"), (then[0], "count_before"), (then[1], "base_before")):
            if row[key] != "":
                found.append((weights, float(row[key]) - off, float(row[key]) + off))
        if row["point"] == "" or row["kind"] not in ("share", "change", "multiple"):
            continue
        # The number itself, to the digits that are printed: a condition on the ratio of two sums.
        value = float(row["point"]) + (1.0 if row["kind"] == "change" else 0.0)
        unit = 10.0 ** -len(str(row["point"]).partition(".")[2]) * 5
        if off == 0:
            found.append((now - (value + unit) * base, -math.inf, 1e-6))
            found.append((now - (value - unit) * base, -1e-6, math.inf))
    return found


def _no_more(count: int, probability: float) -> int:
    """Return the most persons of another level, if a count is the largest with this probability, Poisson rates.

    Of two rates with laws Gamma(x + 1/2) and Gamma(y + 1/2) the first is larger with the chance of a beta law; to be
    the largest of all is no likelier than to be larger than any one.
    """
    most = count
    while most > 0 and beta.sf(0.5, count + 0.5, most + 0.5) < probability - 5e-5:
        most -= 1
    return most


def ranges(told: Sequence[tuple[np.ndarray, float, float]], sums: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    """Return the least and most persons of every sum that agree with all that is told."""
    size = sums[0].size
    rules = [LinearConstraint(w[None, :], low, high) for w, low, high in told]
    out = []
    for weights in sums:
        ends = []
        for sign in (1, -1):
            done = milp(sign * weights, constraints=rules, integrality=np.ones(size), bounds=Bounds(0, np.inf))
            ends.append(sign * done.fun if done.success else math.inf)
        out.append((round(ends[0], 6), round(ends[1], 6)))
    return out
