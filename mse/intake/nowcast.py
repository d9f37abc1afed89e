"""What has not come in yet: the registrations of the last months, list by list, from how late earlier ones came.

The reporting triangle has a row for every month of registration t and a column for every delay d in months, known up to
the month in which the registers were drawn (Lawless 1994; Höhle & an der Heiden 2014; NobBS, McGough et al. 2020;
epinowcast). With λ_t the expected registrations of a month and F(D) the share that has come within D months

    n_t(D) ~ Poisson(λ_t F(D)),   log λ_t = log λ_{t−1} + σ e_t,   missing_t ~ Poisson(λ_t (1 − F(M − t)))

F is drawn from its reverse hazards g_d = P(delay = d | delay ≤ d), which are Beta given the last months known for so
long, with counts divided by their dispersion φ (deliveries come in batches); log λ from the normal law at its mode,
with σ weighed by its evidence. What is missing is drawn with that dispersion. Assumed: registrations of the
last months come as late as those of the year before.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from mse.intake.arrivals import ROWS
from mse.intake.tabulate import YEAR
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    import pandas as pd


LONGEST = 24
"""Months of delay that are told apart, and months of registration from which delays are learned beyond that."""
WINDOW = 48
"""Months of registration that are looked at."""
STEPS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Values of σ, the step of the random walk of log λ in a month, with equal weights."""
RECENT = 12
"""Months, the last that are known for so long, from which a delay is learned: delays change."""
HALF = 0.5
"""Registrations that the law of the delays gives in all to delays that were not seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Nowcast:
    """Registrations that have not come in yet.

    Parameters
    ----------
    missing : mapping of (str, str) to int64 array, shape (D,)
        Draws by list and year.
    so_far : mapping of (str, str) to int
        Registrations that have.
    until : date
        The last day that the triangle is known for.
    """

    missing: Mapping[tuple[str, str], Integers]
    so_far: Mapping[tuple[str, str], int]
    until: date

    def to_pandas(self, prob: float = 0.95) -> pd.DataFrame:
        """Return ``list``, ``year``, ``so_far``, ``missing`` (median), ``low``, ``high``, ``share`` of all."""
        import pandas as pd

        rows = []
        for (name, year), drawn in self.missing.items():
            low, middle, high = np.quantile(drawn, [(1 - prob) / 2, 0.5, (1 + prob) / 2], method="inverted_cdf")
            so_far = self.so_far[name, year]
            share = float(middle) / max(so_far + float(middle), 1.0)
            rows.append((name, year, so_far, int(middle), int(low), int(high), share))
        return pd.DataFrame(rows, columns=["list", "year", "so_far", "missing", "low", "high", "share"])


def nowcast(
    arrived: pd.DataFrame, lists: Sequence[str], draws: int, *, seed: int, until: date | None = None
) -> Nowcast | None:
    """Return what is still missing of the last months of every list.

    Parameters
    ----------
    arrived : DataFrame
        As `mse.intake.arrivals.arrivals` gives it.
    lists : sequence of str
        Those that are completed; one without days of entry, or without any delay, is taken as complete.
    draws : int
        How many.
    seed : int
        Of the draws.
    until : date, optional
        Day on which the registers were drawn; the last day of entry when not given.

    Returns
    -------
    Nowcast or None
        None where no list says when registrations were entered.
    """
    rows = arrived[(arrived["what"] == ROWS) & (arrived["month"] != "") & (arrived["entered"] != "")]
    rows = rows[rows["list"].isin(list(lists))]
    if rows.empty:
        return None
    until = until or date.fromisoformat(str(rows["entered"].max()))
    drawn_on = _index(until.isoformat()) - (until.day < calendar.monthrange(until.year, until.month)[1])
    month = rows["month"].map(_index).to_numpy(np.int64)
    entered = rows["entered"].map(_index).to_numpy(np.int64)
    counts = rows["count"].to_numpy(np.int64)
    last = min(drawn_on, int(month.max()))  # nothing is asked of months after the period
    missing: dict[tuple[str, str], Integers] = {}
    so_far: dict[tuple[str, str], int] = {}
    for number, name in enumerate(lists):
        own = (rows["list"] == name).to_numpy() & (month <= last)
        if not own.any():
            continue
        first = max(int(month[own].min()), last - WINDOW + 1)
        triangle = np.zeros((last - first + 1, LONGEST + 1))
        kept = own & (month >= first) & (entered <= drawn_on)
        delay = np.clip(entered - month, 0, LONGEST)
        np.add.at(triangle, (month[kept] - first, delay[kept]), counts[kept])
        drawn = draw_missing(triangle, draws, np.random.default_rng([seed, 15, number]), drawn_on - last)
        # What came in the month that is not over stands in the registers already.
        early = np.zeros(len(triangle), dtype=np.int64)
        begun = own & (month >= first) & (entered > drawn_on)
        np.add.at(early, (month - first)[begun], counts[begun])
        drawn = np.maximum(drawn - early, 0)
        years = np.array([(first + t) // 12 for t in range(len(triangle))])
        for year in np.unique(years):
            of_year = drawn[:, years == year].sum(axis=1)
            if of_year.any():
                missing[name, str(year)] = of_year
                so_far[name, str(year)] = int(counts[own & (month // 12 == year)].sum())
    return Nowcast(missing, so_far, until)


def _index(day: str) -> int:
    """Return the number of a month."""
    return int(day[:4]) * 12 + int(day[5:7]) - 1


def draw_missing(triangle: Array, draws: int, rng: np.random.Generator, past: int = 0) -> Integers:
    """Return draws of what is missing of every month, shape (draws, T).

    Parameters
    ----------
    triangle : float64 array, shape (T, D + 1)
        Registrations by month and delay in months; month t is known up to delay T − 1 − t + past, the rest is 0.
    draws : int
        How many.
    rng : Generator
        Source of randomness.
    past : int
        Months that are known after the last one.
    """
    months, delays = triangle.shape
    age = np.arange(months)[::-1] + past
    within, all_within, dispersion = _hazards(triangle, age)
    longest = int(np.flatnonzero(within).max(initial=0))
    if longest == 0:
        return np.zeros((draws, months), dtype=np.int64)
    a = within[1:] / dispersion + HALF / longest * (np.arange(1, delays) <= longest)
    b = (all_within[1:] - within[1:]) / dispersion + HALF
    hazard = np.where(a > 0, rng.beta(np.maximum(a, 1e-9), b, size=(draws, delays - 1)), 0.0)
    # F(D) is the product of 1 − g_d over the delays beyond D.
    beyond = np.cumprod((1.0 - hazard)[:, ::-1], axis=1)[:, ::-1]
    share = np.concatenate([beyond, np.ones((draws, 1))], axis=1)[:, np.minimum(age, delays - 1)]
    seen = np.array([triangle[t, : age[t] + 1].sum() for t in range(months)])
    step = _step(seen, share.mean(axis=0), draws, rng)
    found = np.zeros((draws, months), dtype=np.int64)
    for d in range(draws):
        mode, factor = _walk(seen, share[d], float(step[d]))
        level = np.exp(np.minimum(mode + _from(factor, rng.standard_normal((months,))), 30.0))
        expected = level * (1.0 - share[d])
        if dispersion > 1.0:
            shape = np.maximum(expected / (dispersion - 1.0), 1e-12) if dispersion > 1.01 else None
            expected = expected if shape is None else rng.gamma(shape, dispersion - 1.0)
        found[d] = rng.poisson(expected)
    return found


def _hazards(triangle: Array, age: Integers) -> tuple[Array, Array, float]:
    """Return registrations at each delay and up to it, of months that are known for so long, and their dispersion."""
    months, delays = triangle.shape
    upto = np.cumsum(triangle, axis=1)
    known = (age[:, None] >= np.arange(delays)[None, :]) & (age[:, None] < np.arange(delays)[None, :] + RECENT)
    within, all_within = (triangle * known).sum(axis=0), (upto * known).sum(axis=0)
    rate = within / np.maximum(all_within, 1.0)
    expected = upto * rate
    use = known & (expected >= 1.0) & (np.arange(delays) > 0)[None, :]
    spread = (triangle - expected) ** 2 / np.maximum(expected * (1.0 - rate), 1e-9)
    freedom = int(use.sum()) - int(use.any(axis=0).sum())
    return within, all_within, max(1.0, float(spread[use].sum()) / freedom) if freedom > 3 else 1.0


def _walk(seen: Array, share: Array, step: float) -> tuple[Array, Array]:
    """Return the mode of log λ under a random walk, and the banded Cholesky factor of its precision there."""
    from scipy.linalg import cholesky_banded, solveh_banded

    months = seen.size
    tie = 1.0 / step**2
    diagonal = np.full(months, 2.0 * tie)
    diagonal[[0, -1]] = tie
    diagonal = diagonal if months > 1 else np.zeros(1)
    mode = np.full(months, np.log((seen.sum() + 0.5) / max(share.sum(), 1e-9)))
    bands = np.zeros((2, months))
    bands[0, 1:] = -tie
    for _ in range(30):
        mean = share * np.exp(mode)
        pull = diagonal * mode
        if months > 1:
            pull[1:] -= tie * mode[:-1]
            pull[:-1] -= tie * mode[1:]
        bands[1] = diagonal + mean + 1e-6
        move = solveh_banded(bands, seen - mean - pull)
        mode = mode + np.clip(move, -1.0, 1.0)
        if np.abs(move).max() < 1e-8:
            break
    bands[1] = diagonal + share * np.exp(mode) + 1e-6
    return mode, np.asarray(cholesky_banded(bands))


def _from(factor: Array, noise: Array) -> Array:
    """Return a draw of the normal law with this factor (upper, banded) of its precision."""
    from scipy.linalg import solve_banded

    return np.asarray(solve_banded((0, 1), factor, noise))


def _step(seen: Array, share: Array, draws: int, rng: np.random.Generator) -> Array:
    """Return σ drawn by its evidence at the mean of the shares, shape (draws,)."""
    log = []
    for step in STEPS:
        mode, factor = _walk(seen, share, step)
        mean = share * np.exp(mode)
        prior = -0.5 * np.sum((np.diff(mode) / step) ** 2) - (seen.size - 1) * np.log(step)
        log.append(float(seen @ mode - mean.sum() + prior - np.log(factor[1]).sum()))
    weight = np.exp(np.array(log) - max(log))
    return np.asarray(rng.choice(STEPS, size=draws, p=weight / weight.sum()))


# ---- into the table --------------------------------------------------------------------------------------


def complete(table: CaptureTable, found: Nowcast, draw: int, rng: np.random.Generator) -> CaptureTable:
    """Return a table with what is missing of its last years drawn in.

    Parameters
    ----------
    table : CaptureTable
        With the dimension ``year``.
    found : Nowcast
        What is missing.
    draw : int
        Which of its draws.
    rng : Generator
        Of who the persons are: with history h in the proportion of those on the list, in that year and all others.

    Notes
    -----
    So many registrations are fewer persons: as many as the list has persons a registration in that year.
    """
    counts = table.counts.copy()
    dims = list(table.strata)
    levels = table.strata[YEAR]
    size = [len(x) for x in table.strata.values()]
    year_of = np.unravel_index(np.arange(len(counts)), size)[dims.index(YEAR)]
    histories = np.arange(1, counts.shape[1] + 1)
    for (name, year), drawn in found.missing.items():
        if year not in levels or name not in table.lists:
            continue
        bit = 1 << table.lists.index(name)
        rows = np.flatnonzero(year_of == levels.index(year))
        on = histories[(histories & bit) > 0]
        here = table.counts[np.ix_(rows, on - 1)].astype(np.float64)
        persons = here.sum()
        if persons <= 0:
            continue
        each = min(persons / max(found.so_far[name, year], 1), 1.0)
        number = int(rng.binomial(int(drawn[draw % drawn.size]), each))
        whole = table.counts[:, on - 1].sum(axis=0) / max(float(table.counts[:, on - 1].sum()), 1.0)
        chance = here + 2.0 * whole * here.sum(axis=1, keepdims=True) / persons
        chance = np.where(table.observable[np.ix_(rows, on - 1)], chance, 0.0)
        split = rng.multinomial(number, chance.ravel() / chance.sum()).reshape(chance.shape)
        for i, s in enumerate(rows):
            for k, h in enumerate(on):
                moved = int(split[i, k])
                rest = int(h) & ~bit
                if moved and rest:  # they stand there already, without this list
                    moved = min(moved, int(counts[s, rest - 1]))
                    counts[s, rest - 1] -= moved
                counts[s, h - 1] += moved
    return replace(table, counts=counts)
