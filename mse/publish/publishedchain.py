"""The chain as it may be published: counts after disclosure control, rates and intervals from those counts alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mse.errors import ModelError, Problem
from mse.evidence.chain import Step, chain, proportion_interval, ratio_interval
from mse.publish.disclosure.chaincounts import ChainCount, leave_out, ranges
from mse.publish.disclosure.roundedcounts import DRAWN_AGAIN, lot
from mse.publish.facts.entries import number, text
from mse.publish.indicators.basis import read_basis
from mse.publish.registered import disclosure_rule, registered
from mse.publish.standing import SUPPRESSED
from mse.publish.wording.rounding import Rounded, rounded_values
from mse.words.said import said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mse.answers.results import Results
    from mse.publish.disclosure.control import Disclosure


def published_chain(results: Results) -> pd.DataFrame:
    """Return the chain of a result without counts that may not be published, and without what rests on them.

    A rate has its interval from the published counts: one from the raw counts would tell them.
    """
    frame = results.tables["chain"]
    rule = disclosure_rule(results)
    steps = [
        ChainCount(str(row["step"]), int(row["count"]), text(row["of"]), row["kind"] == "share")
        for row in frame.to_dict("records")
    ]
    before: dict[str, int | None] = {}
    for entry in results.record.against:
        if entry.years == read_basis(results).years:
            before |= entry.chain
    counts = published_counts(steps, rule, results.headline.observed, registered(results).total, before)
    return _with_counts(frame, steps, counts)


def chain_of_counts(
    steps: Sequence[Step], rule: Disclosure, prob: float = 0.95, *, public: bool = False
) -> pd.DataFrame:
    """Return the rates along a chain that is known by its counts alone, as they may be published.

    Parameters
    ----------
    steps : sequence of Step
        Raw counts; the first is no share of another.
    rule : Disclosure
        What is left out, or what is rounded to.
    prob : float
        Probability of the intervals.
    public : bool
        The counts are public as they are.

    Returns
    -------
    DataFrame
        As `mse.evidence.chain.chain`, and ``status``.

    Raises
    ------
    ModelError
        When the counts make no chain, or cannot be kept in doubt.
    """
    frame = chain(steps, prob)
    one = [
        ChainCount(str(row["step"]), int(row["count"]), text(row["of"]), row["kind"] == "share")
        for row in frame.to_dict("records")
    ]
    first = one[0].count
    known = first if rule.method == "suppress" and first >= rule.threshold else None
    counts = [x.count for x in one] if public else published_counts(one, rule, first, known, {})
    return _with_counts(frame, one, counts)


def _with_counts(frame: pd.DataFrame, steps: Sequence[ChainCount], counts: Sequence[int | None]) -> pd.DataFrame:
    """Return a chain with its published counts, and with rates and intervals from these alone."""
    import pandas as pd

    at = {step.name: count for step, count in zip(steps, counts, strict=True)}
    rows = []
    for row, step in zip(frame.to_dict("records"), steps, strict=True):
        count, base = at[step.name], None if step.of is None else at[step.of]
        lost = count is None or (step.of is not None and base is None)
        values = Rounded(math.nan, math.nan, math.nan, 1.0)
        if count is not None and base:
            ends = (proportion_interval if step.within else ratio_interval)(
                min(count, base) if step.within else count, base, number(row.get("prob")) or 0.95
            )
            values = rounded_values(count / base, *ends, "share")
        rows.append(
            row | {"count": math.nan if count is None else count, "base": math.nan if base is None else base,
                   "rate": values.point, "low": values.low, "high": values.high,
                   "status": SUPPRESSED if lost else "ok"}
        )  # fmt: skip
    return pd.DataFrame(rows, columns=[*frame.columns, "status"])


def published_counts(
    steps: list[ChainCount], rule: Disclosure, everybody: int, total: int | None, before: Mapping[str, int | None]
) -> list[int | None]:  # fmt: skip
    """Return the counts of a chain as they may be published, None for those that are left out.

    Parameters
    ----------
    steps : list of ChainCount
        Raw.
    rule : Disclosure
        What is small, or what is rounded to.
    everybody, total : int, int or None
        Everybody who was registered, raw and as published: a step that counts the same persons is published alike.
    before : mapping of str to int or None
        Counts of steps in earlier releases of the same years, None where they were left out: they stay left out.
    """
    if rule.method == "suppress":
        known = {everybody} if total is not None else set()
        known |= {step.count for step in steps if before.get(step.name) == step.count}
        out = {name for name, count in before.items() if count is None}
        hidden = leave_out(steps, rule.threshold, rule.zeros == "suppress", known, out)
        return [None if out else step.count for step, out in zip(steps, hidden, strict=True)]
    again = [0] * len(steps)
    for _ in range(DRAWN_AGAIN):
        shown = [
            total if step.count == everybody and total is not None
            else at_first if (at_first := before.get(step.name)) is not None and abs(at_first - step.count) < rule.base
            else lot(step.count, [["step", step.name]], rule.base, rule.secret, n)
            for step, n in zip(steps, again, strict=True)
        ]  # fmt: skip
        found, _ = ranges(steps, [False] * len(steps), rule.base - 1, shown)
        narrow = [high - low < rule.base - 1 for low, high in found]
        if not any(narrow):
            return list(shown)
        again = [n + 1 for n in again]
    raise ModelError(
        Problem(said("found.no_rounding_leaves_every"), said("allowed.counts_stay_doubt"),
                said("do.leave_steps_out_chain_2"))
    )  # fmt: skip
