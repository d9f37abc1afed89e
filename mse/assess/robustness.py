"""Robustness: what the estimate would be with other lists, slightly other counts, or fewer persons.

Every row is a refit of a changed table by the same quick procedure, and is compared with the same procedure on the
table itself: the differences count, not the level. Referred persons: Jones et al. (2014).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mse.assess.refits import Refit, refit_all
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.tables.captures import CaptureTable
from mse.words.said import Said, as_said, said

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of the observed persons in the accumulation curve."""

SUBSAMPLES = 20
"""Sub-samples of each share."""

CELLS = ("cell +1", "cell -1")
WITHOUT_LIST, WITHOUT_REFERRALS = "without list", "without referrals"
OF_FEWER = (WITHOUT_LIST, WITHOUT_REFERRALS)
"""Changes of which `CELLS` move one count, and `OF_FEWER` leave fewer persons registered."""
"""Changes of one count by one person, as the table names them."""

Change = tuple[str, str, CaptureTable | Said]
"""What is changed, where, and the changed table, or why there is none."""


def robustness(
    table: CaptureTable,
    refit: Refit,
    *,
    prob: float,
    unreferred: CaptureTable | None = None,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Return the estimate after every small change of the table.

    Parameters
    ----------
    table : CaptureTable
        Without strata.
    refit : callable
        Estimates a table again.
    prob : float
        Probability of the intervals.
    unreferred : CaptureTable, optional
        The table without registrations that are there only because another list sent the person.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    DataFrame
        ``change`` ("none", "without list", "merged", "cell +1", "cell -1", "without referrals"), ``what``,
        ``observed``, ``point``, ``low``, ``high`` (persons), ``ratio`` (point over that of the table as it is),
        ``status``.
    """
    import pandas as pd

    changes: list[Change] = [("none", "", table), *_changes(table)]
    if unreferred is not None:
        changes.append((WITHOUT_REFERRALS, "", unreferred))
    found = refit_all(said("stage.changed"), refit, [made for _, _, made in changes], prob, compute)
    return pd.DataFrame(
        {
            "change": [kind for kind, _, _ in changes],
            "what": [what for _, what, _ in changes],
            "observed": [f.observed for f in found],
            "point": [f.point for f in found],
            "low": [f.low for f in found],
            "high": [f.high for f in found],
            "ratio": [f.point / found[0].point for f in found],
            "status": [f.status for f in found],
        }
    )


def _changes(table: CaptureTable) -> Iterator[Change]:
    if table.n_lists > 3:
        for name in table.lists:
            yield WITHOUT_LIST, name, _tried(partial(table.leave_out, name))
        for pair in itertools.combinations(table.lists, 2):
            yield "merged", ":".join(pair), _tried(partial(table.merge_lists, {"_".join(pair): pair}))
    for h in np.flatnonzero(table.observable[0]):
        for step, change in zip((1, -1), CELLS, strict=True):
            if table.counts[0, h] + step >= 0:
                counts = table.counts.copy()
                counts[0, h] += step
                name = table.notation(int(h) + 1)
                yield change, name, _tried(partial(replace, table, counts=counts))


def _tried(make: Callable[[], CaptureTable]) -> CaptureTable | Said:
    try:
        return make()
    except MseError as error:
        return as_said(error.problems[0].found)


def accumulation(
    table: CaptureTable,
    refit: Refit,
    *,
    prob: float,
    seed: int,
    shares: Sequence[float] = SHARES,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Return the estimate from a random part of the observed persons, scaled up to all of them.

    A sound estimate does not drift with the share: sub-samples of the persons are samples of a population that is
    smaller by the same factor.

    Returns
    -------
    DataFrame
        ``share``, ``observed``, ``point``, ``low``, ``high``: medians over sub-samples, divided by the
        share.
    """
    import pandas as pd

    tasks = [(share, r) for share in shares for r in range(SUBSAMPLES if share < 1 else 1)]
    parts = [_tried(partial(_thinned, table, share, (seed, round(1000 * share), r))) for share, r in tasks]
    found = refit_all(said("stage.accumulation"), refit, parts, prob, compute)
    rows = []
    for share in shares:
        mine = [f for (of, _), f in zip(tasks, found, strict=True) if of == share and f.status == "ok"]
        values = np.array([[f.observed, f.point / share, f.low / share, f.high / share] for f in mine])
        middle = np.median(values, axis=0) if mine else np.full(4, np.nan)
        rows.append({"share": share, **dict(zip(("observed", "point", "low", "high"), middle, strict=True))})
    return pd.DataFrame(rows)


def _thinned(table: CaptureTable, share: float, seed: tuple[int, ...]) -> CaptureTable:
    return replace(table, counts=np.random.default_rng(seed).binomial(table.counts, share))
