"""Rates from counts along the chain from registration to conviction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

from mse.errors import ModelError, Problem, names_of
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

IntervalMethod = Literal["jeffreys", "wilson", "exact"]


class Ends(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


def proportion_interval(count: int, base: int, prob: float, method: IntervalMethod = "jeffreys") -> Ends:
    """Return an interval for a proportion, `count` of `base` persons.

    Parameters
    ----------
    count, base : int
        Persons; 0 <= count <= base, base at least 1.
    prob : float
        Its probability.
    method : {"jeffreys", "wilson", "exact"}
        ``"jeffreys"``, the default: the equal-tailed interval of Beta(x + 1/2, n - x + 1/2), whose low end is 0 at
        x = 0 and whose high end is 1 at x = n; on average it covers what it claims, also for small counts, and it
        reads as a credible interval like the others of this engine. ``"wilson"``: inversion of the score test.
        ``"exact"``: Clopper and Pearson's beta quantiles, which cover at least what they claim and are wider.

    Returns
    -------
    Ends

    Raises
    ------
    ModelError
        When the counts do not make a proportion, or `prob` is not between 0 and 1.

    Notes
    -----
    Brown, Cai & DasGupta (2001), Statistical Science 16:101-133.
    """
    from scipy.stats import beta

    if not 0 <= count <= base or base < 1:
        raise ModelError(
            Problem(said("found.these_counts_make_no"), said("allowed.n0_count_base_base"),
                    said("do.correct_counts_give_ratio"), value=said("what.count_of", count=count, base=base))
        )  # fmt: skip
    check_prob(prob)
    tail = (1 - prob) / 2
    if method == "wilson":
        z = NormalDist().inv_cdf(1 - tail)
        p, more = count / base, z * z / base
        middle = (p + more / 2) / (1 + more)
        half = z / (1 + more) * math.sqrt(p * (1 - p) / base + more / (4 * base))
        # At the ends the formula gives 0 and 1 but for the last digit.
        return Ends(0.0 if count == 0 else middle - half, 1.0 if count == base else middle + half)
    if method == "exact":
        low = 0.0 if count == 0 else float(beta.ppf(tail, count, base - count + 1))
        return Ends(low, 1.0 if count == base else float(beta.ppf(1 - tail, count + 1, base - count)))
    if method != "jeffreys":
        raise ModelError(
            Problem(
                said("found.method_interval_unknown"),
                said("allowed.jeffreys_wilson_exact"),
                said("do.choose_one"),
                value=str(method),
            )
        )
    low = 0.0 if count == 0 else float(beta.ppf(tail, count + 0.5, base - count + 0.5))
    return Ends(low, 1.0 if count == base else float(beta.ppf(1 - tail, count + 0.5, base - count + 0.5)))


def ratio_interval(count: int, base: int, prob: float) -> Ends:
    """Return an interval for the ratio of two counts of different persons, both Poisson.

    Given their sum, `count` is binomial with p = r / (1 + r); the interval of `proportion_interval` for p is carried
    over to r (Przyborowski & Wilenski 1940). The high end is infinite when `base` is 0.
    """
    low, high = proportion_interval(count, count + base, prob)
    return Ends(low / (1 - low) if low < 1 else math.inf, high / (1 - high) if high < 1 else math.inf)


def check_prob(prob: float) -> None:
    """Raise ModelError when the probability of an interval is not strictly between 0 and 1."""
    if not 0.0 < prob < 1.0:
        raise ModelError(
            Problem(said("found.probability_interval_out_range"), said("allowed.number_between_0_1"),
                    said("do.ask_example_prob_0"), value=str(prob))
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain.

    Parameters
    ----------
    name : str
        What happened to the persons ("reported").
    count : int
        Persons (or cases: whatever the chain counts).
    of : str or None
        The step that they are a share of; None for the first.
    within : bool
        Whether every one of them was counted in that step, too: the same cohort followed. Otherwise the two counts
        are of different persons, for example of the same year, and their ratio is not a probability.
    """

    name: str
    count: int
    of: str | None = None
    within: bool = True


def not_within(step: str, of: str) -> Said:
    """Return what is said of a step that is no part of the one it is compared with."""
    return said("note.not_within", step=step, of=of)


def chain(steps: Sequence[Step], prob: float = 0.95) -> pd.DataFrame:
    """Return the rates along a chain, registered → reported → prosecuted → convicted, with intervals from counts.

    Parameters
    ----------
    steps : sequence of Step
        The first has no `of`.
    prob : float
        Probability of the intervals.

    Returns
    -------
    DataFrame
        ``step``, ``of``, ``count``, ``base``, ``rate``, ``low``, ``high``, ``prob``, ``kind`` ("share" of a cohort
        that was followed, with a Jeffreys interval; "ratio" of counts of different persons, with an interval of two
        Poisson counts), ``note`` (a warning where it is a ratio, which may well be above 1). One row per step; the
        first has no rate, and neither has a step of nobody.

    Raises
    ------
    ModelError
        With every step that is repeated, refers to none before it, or counts more than the cohort that it is within.

    """
    import pandas as pd

    check_prob(prob)
    seen: dict[str, int] = {}
    problems: list[Problem] = []
    rows: list[list[object]] = []

    for i, step in enumerate(steps, 1):
        wrong = partial(Problem, file=said("what.chain"), row=i, column="step", value=step.name)
        if step.name in seen:
            problems.append(wrong(said("found.step_twice"), said("allowed.every_step_once"), said("do.rename_remove")))
        if step.count < 0:
            problems.append(wrong(said("found.count_negative"), said("allowed.n0_more"), said("do.correct")))
        if step.of is not None and step.of not in seen:
            before = names_of(seen, said("allowed.nothing_first_step_share"))
            problems.append(wrong(said("found.step_share_which_does", of=repr(step.of)), before, said("do.correct_3")))
        elif step.of is not None and step.within and step.count > seen[step.of]:
            found = said("found.more_persons_than_cohort", of=step.of)
            remedy = said("do.correct_counts_say_within")
            problems.append(wrong(found, said("allowed.most_5", seen=seen[step.of]), remedy))
        seen.setdefault(step.name, step.count)
    if problems:
        raise ModelError(problems)
    for step in steps:
        base = None if step.of is None else seen[step.of]
        rate, ends, kind, note = math.nan, Ends(math.nan, math.nan), "", ""
        if base is not None:
            kind, note = ("share", "") if step.within else ("ratio", str(not_within(step.name, str(step.of))))
            if base > 0:
                rate = step.count / base
                ends = (proportion_interval if step.within else ratio_interval)(step.count, base, prob)
        rows.append([step.name, step.of, step.count, base, rate, *ends, prob, kind, note])
    columns = ["step", "of", "count", "base", "rate", "low", "high", "prob", "kind", "note"]
    return pd.DataFrame(rows, columns=columns).astype({"base": "Int64"})


def read_chain(path: Path) -> tuple[Step, ...]:
    """Read a chain from a CSV file: ``step``, ``count``, ``of`` (empty for the first), ``within`` (yes or no).

    ``of`` is the step before where the column is left out; ``within`` is yes where that column is.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path))
    grid = read_grid(path, faults, "count")
    missing = [name for name in ("step", "count") if name not in grid.header]
    for name in missing:
        faults.add(
            said("found.column_missing"),
            said("allowed.step_count_within"),
            said("do.add_column_2", name=name),
            value=name,
        )
    for name in grid.header:
        if name not in ("step", "count", "of", "within"):
            faults.add(
                said("found.column_unknown"), said("allowed.step_count_within"), said("do.rename_remove"), value=name
            )
    faults.raise_if_any()
    columns = dict(zip(grid.header, grid.columns, strict=True))
    empty = [""] * len(grid.rows)
    steps: list[Step] = []
    for i, row in enumerate(grid.rows):
        name, text, within = columns["step"][i], columns["count"][i], columns.get("within", empty)[i].casefold()
        if not text.isdecimal():
            faults.add(
                said("found.not_count"),
                said("allowed.whole_number"),
                said("do.correct"),
                row=row,
                column="count",
                value=text,
            )
        if within not in ("", "yes", "no"):
            faults.add(
                said("found.unknown_word"),
                said("allowed.yes_no_empty_yes"),
                said("do.correct"),
                row=row,
                column="within",
                value=within,
            )
        if not name:
            faults.add(said("found.step_has_no_name"), said("allowed.name"), said("do.name"), row=row, column="step")
        of = columns["of"][i] if "of" in columns else (steps[-1].name if steps else "")
        steps.append(Step(name, int(text) if text.isdecimal() else 0, of or None, within != "no"))
    faults.raise_if_any()
    return tuple(steps)


def plain_number(text: str) -> float | None:
    """Return the finite number that a cell holds, None when it holds anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
