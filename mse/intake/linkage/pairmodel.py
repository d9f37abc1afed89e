"""How probable it is that two registrations are one person: the model of Fellegi & Sunter on all the evidence there is.

Names and dates are keyed hashes, so that two of them are equal or not: a typing error changes the whole of one. What
helps are the parts (a surname that sounds the same, an initial, a year of birth), Bloom filters where suppliers make
them, and what stands beside the identity: the labels of the strata, the days of registration, who sent whom.
`mse.intake.linkage.comparing` says what is compared, `mse.intake.linkage.rates` how its probabilities are found, and
`mse.intake.linkage.candidates` which pairs are looked at; a pair with errors in so many parts that it agrees on none of
the combinations is never found. Equal pseudonyms are one person, whatever the rest says.

Decisions of clerks on a sample of pairs (`mse.intake.linkage.clerical`) move the log odds of all pairs along a line,
log odds → a + b · log odds, found by maximum a posteriori with a ~ N(0, 1), b ~ N(1, 0.3²).

References: Fellegi & Sunter (1969), JASA 64, 1183; Schnell, Bachteler & Reiher (2009), BMC Med. Inform. 9, 41.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.parallel import Progress, silent
from mse.errors import InputError, Problem, names_of
from mse.intake.linkage.candidates import block_codes, candidate_pairs
from mse.intake.linkage.comparing import GROUPS, levels_of_pairs, make_plan
from mse.intake.linkage.countedpairs import count_levels
from mse.intake.linkage.evidence import BIRTH_DATE, BIRTH_YEAR, GIVEN, SURNAME, write_records
from mse.intake.linkage.pairplan import Levels, Plan
from mse.intake.linkage.rates import PULL, Counted, Rates, learn
from mse.kernels.arrays import Array, Integers
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb


COMPARED, LEAST = 1e-5, 1e-3
"""Match probabilities from which a pair takes part in learning, and is kept afterwards."""

SURE = math.log(1e6)
"""Log odds of two registrations with the same pseudonym."""

UNSURE = SURE - 0.01
"""Most log odds of two registrations of different pseudonyms."""

AGAIN = 12
"""Steps of EM for each draw of the parameters."""

AVERAGED = 20
"""Draws of the parameters over which match probabilities are averaged."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a comparison: how often pairs are on it when they match, and when they do not."""

    comparison: str
    level: str
    m: float
    u: float

    @property
    def weight(self) -> float:
        """The match weight, log2 of m/u."""
        return math.log2(self.m / self.u)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a model was learned from, for drawing its parameters again.

    Parameters
    ----------
    plan : Plan
        What is compared.
    counted : Counted
        What was counted.
    compared : int16 array, shape (C, comparisons)
        Levels of the pairs that took part in learning.
    identities : int64 array, shape (C,)
        Which two identities each of them is of: a number for every two pseudonyms.
    kept : int64 array, shape (P - same,)
        Which of them are the pairs with different pseudonyms of the model.
    rates : Rates
        What was learned.
    line : tuple of float
        a and b of the line that decisions moved the log odds along, and the standard deviations of both.
    decided : tuple of int
        Places of the pairs that were decided on.
    """

    plan: Plan
    counted: Counted
    compared: Levels
    identities: Integers
    kept: Integers
    rates: Rates
    line: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 0.0)
    decided: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """A trained model and the pairs that it thinks may be one person.

    Parameters
    ----------
    records : int
        Registrations, R; they are numbered from 0 by list, file and line.
    left, right : int64 array, shape (P,)
        Numbers of registrations, `left` < `right`. First those with the pseudonym of an earlier one, which it is paired
        with, then the pairs with different pseudonyms.
    log_odds : float64 array, shape (P,)
        Natural log of the odds that they are one person, of a probability averaged over what is not known of the
        parameters: under the likeliest ones alone, pairs are said to be surer than they are.
    levels : tuple of Level
        Every level of every comparison.
    share : float
        Share of matches among all pairs.
    settings : str
        The model with all its settings, JSON; byte-identical between identical runs.
    learned : Learned or None
        What it was learned from.
    """

    records: int
    left: Integers
    right: Integers
    log_odds: Array
    levels: tuple[Level, ...]
    share: float
    settings: str
    learned: Learned | None = None

    @property
    def probability(self) -> Array:
        """Match probabilities, shape (P,)."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.log_odds)))


def train_model(
    con: duckdb.DuckDBPyConnection,
    lists: Sequence[str],
    parts: Sequence[str],
    dimensions: Sequence[str] = (),
    *,
    seed: int,
    progress: Progress = silent,
) -> PairModel:
    """Train the model on the registrations and return the pairs that may be one person.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    lists : sequence of str
        Lists to link; persons may stand on one of them more than once.
    parts : sequence of str
        Hashed and coarse columns of the identity.
    dimensions : sequence of str
        Strata, all of which are evidence.
    seed : int
        Of the samples of pairs that are counted.
    progress : callable
        Receives what is being done, and how far it is.

    Raises
    ------
    InputError
        When the columns are too few, when no registrations agree on enough to learn from.
    """
    progress(said("stage.linkage"), 0, 4)
    records = write_records(con, lists, parts, dimensions)
    have = records.parts
    if not {SURNAME, GIVEN} & set(have) or not {BIRTH_DATE, BIRTH_YEAR} & set(have):
        raise InputError(
            Problem(said("found.registers_have_too_few"),
                    said("allowed.contracts", surname=SURNAME, given=GIVEN, birth_date=BIRTH_DATE,
                         birth_year=BIRTH_YEAR),
                    said("do.ask_suppliers_them_mse"),
                    value=names_of([*have, *records.labels]))
        )  # fmt: skip
    plan, counted = count_levels(make_plan(records), seed)
    if not sum(counts.sum() for counts in counted.matches):
        raise InputError(
            Problem(said("found.no_registrations_agree_parts"),
                    said("allowed.registers_which_some_persons"),
                    said("do.check_all_suppliers_used"))
        )  # fmt: skip
    progress(said("stage.linkage"), 1, 4)
    left, right, levels = _compared(plan, counted.start)
    progress(said("stage.linkage"), 3, 4)
    rates = learn(counted, plan, levels, counted.start)
    odds = np.minimum(rates.log_odds(levels), UNSURE)
    kept = np.flatnonzero(odds >= math.log(LEAST / (1.0 - LEAST)))
    again = np.flatnonzero(records.person != np.arange(len(records)))
    progress(said("stage.linkage"), 4, 4)
    likeliest = PairModel(
        len(records),
        np.concatenate([records.person[again], left[kept]]),
        np.concatenate([again, right[kept]]),
        np.concatenate([np.full(len(again), SURE), odds[kept]]),
        _levels(plan, rates), rates.share, _settings(plan, rates),
        Learned(plan, counted, levels, _identities(records.person[left], records.person[right]), kept, rates),
    )  # fmt: skip
    return _averaged(likeliest, seed)


def _identities(one: Integers, other: Integers) -> Integers:
    """Return a number for every two pseudonyms: their names and dates of birth are compared once, however often."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    both = low * (high.max(initial=0) + 1) + high
    return np.asarray(np.unique(both, return_inverse=True)[1], dtype=np.int64)


def _averaged(model: PairModel, seed: int) -> PairModel:
    """Return a model whose probabilities are averaged over its parameters."""
    assert model.learned is not None
    first = len(model.left) - len(model.learned.kept)
    p = np.zeros(len(model.left) - first)
    for odds in redraw(model, AVERAGED, seed=seed):
        p += 1.0 / (1.0 + np.exp(-odds[first:])) / AVERAGED
    odds = model.log_odds.copy()
    odds[first:] = np.minimum(np.log(p) - np.log1p(-p), UNSURE)
    return replace(model, log_odds=odds)


def _compared(plan: Plan, start: Rates) -> tuple[Integers, Integers, Levels]:
    """Return the pairs that agree on some combination and are not sure to be two persons, sorted, and their levels."""
    found: list[tuple[Integers, Integers, Levels]] = []
    least = math.log(COMPARED)
    for left, right in candidate_pairs(plan.records, block_codes(plan.records)):
        levels = levels_of_pairs(plan, left, right)
        kept = start.log_odds(levels) >= least
        found.append((left[kept], right[kept], levels[kept]))
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros((0, len(plan.comparisons)), dtype=np.int16)
    left, right = (np.concatenate([x[side] for x in found]) for side in (0, 1))
    order = np.lexsort((right, left))
    return left[order], right[order], np.concatenate([x[2] for x in found])[order]


def redraw(model: PairModel, draws: int, *, seed: int) -> Iterator[Array]:
    """Yield log odds under parameters drawn from what the data leave open about them, each of shape (P,).

    The pairs that are learned from get random weights (a Bayesian bootstrap; Rubin 1981), one for all pairs of the same
    two identities, the counts of what stands beside the identity come from Dirichlet laws, and EM goes on from where it
    had arrived.

    Parameters
    ----------
    model : PairModel
        With what it was learned from; without, its log odds are yielded as they are.
    draws : int
        How many.
    seed : int
        Of the draws.
    """
    known = model.learned
    for number in range(draws):
        if known is None:
            yield model.log_odds
            continue
        rng = np.random.default_rng([seed, 2, number])
        m, u = list(known.rates.m), list(known.rates.u)
        for column, comparison in enumerate(known.plan.comparisons):
            if comparison.kind == "context":
                group = np.array(comparison.domain)
                for counts, into in ((known.counted.others[column], u), (known.counted.matches[column], m)):
                    base = counts if into is u else counts + PULL * known.rates.u[column]
                    drawn = rng.standard_gamma(np.maximum(base, 1e-3))
                    into[column] = np.maximum(drawn / np.bincount(group, weights=drawn)[group], 1e-9)
        twins = replace(known.rates.twins, shared=float(rng.random()))
        start = replace(known.rates, m=tuple(m), u=tuple(u), twins=twins)
        weights = rng.standard_exponential(int(known.identities.max(initial=-1)) + 1)[known.identities]
        same = float(rng.standard_gamma(max(known.counted.same, 1.0)))
        rates = learn(known.counted, known.plan, known.compared, start, AGAIN, weights, same)
        a, b, sd_a, sd_b = known.line
        a, b = rng.normal(a, sd_a), max(rng.normal(b, sd_b), 0.1)
        odds = model.log_odds.copy()
        odds[len(odds) - len(known.kept) :] = np.minimum(a + b * rates.log_odds(known.compared[known.kept]), UNSURE)
        places = list(known.decided)
        odds[places] = model.log_odds[places]
        yield odds


def decided(model: PairModel, decisions: Mapping[tuple[int, int], bool]) -> PairModel:
    """Return a model with the decisions of clerks: on the pairs themselves, and on what all pairs are worth.

    Parameters
    ----------
    model : PairModel
        As trained.
    decisions : mapping of (int, int) to bool
        Numbers of two registrations, the smaller first, and whether they are one person.
    """
    known = model.learned
    assert known is not None
    first = len(model.left) - len(known.kept)
    pairs = zip(model.left[first:].tolist(), model.right[first:].tolist(), strict=True)
    place = {pair: first + i for i, pair in enumerate(pairs)}
    judged = [(place[pair], match) for pair, match in sorted(decisions.items()) if pair in place]
    if not judged:
        return model
    at, match = np.array([x for x, _ in judged]), np.array([x for _, x in judged], dtype=np.float64)
    line = _line(model.log_odds[at], match)
    odds = model.log_odds.copy()
    odds[first:] = np.minimum(line[0] + line[1] * odds[first:], UNSURE)
    odds[at] = np.where(match > 0, SURE, -SURE)
    return replace(model, log_odds=odds, learned=replace(known, line=line, decided=tuple(at.tolist())))


def _line(odds: Array, match: Array) -> tuple[float, float, float, float]:
    """Return a, b and their standard deviations: logistic regression of decisions on log odds, with its prior."""
    mean, precision = np.array([0.0, 1.0]), np.diag([1.0, 1.0 / 0.3**2])
    x = np.stack([np.ones(len(odds)), np.clip(odds, -12.0, 12.0)], axis=1)
    beta = mean.copy()
    hessian = precision
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        gradient = x.T @ (match - p) - precision @ (beta - mean)
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + precision
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    return float(beta[0]), float(beta[1]), float(sd[0]), float(sd[1])


def _levels(plan: Plan, rates: Rates) -> tuple[Level, ...]:
    """Return the levels of all comparisons, the narrowest of each first."""
    return tuple(
        Level(comparison.name, level, float(m), float(u))
        for comparison, ms, us in zip(plan.comparisons, rates.m, rates.u, strict=True)
        for level, m, u in zip(comparison.levels, ms, us, strict=True)
    )


def _settings(plan: Plan, rates: Rates) -> str:
    """Return the model as JSON."""
    comparisons = [
        {"name": comparison.name, "kind": comparison.kind,
         "levels": [{"level": level, "domain": domain, "m": float(m), "u": float(u)} for level, domain, m, u in
                    zip(comparison.levels, comparison.domain, ms, us, strict=True)]}
        for comparison, ms, us in zip(plan.comparisons, rates.m, rates.u, strict=True)
    ]  # fmt: skip
    labels = {
        name: {group: {"equal": float(weight[0]), "different": float(weight[1])}
               for group, weight in zip(GROUPS, weights, strict=True)}
        for name, weights in plan.weights.items()
    }  # fmt: skip
    beside = {plan.comparisons[column].name: x.tolist() for column, x in rates.twins.beside.items()}
    twins = {"share": rates.twins.share.tolist(), "beside": beside}
    whole = {"share": rates.share, "comparisons": comparisons, "label_weights": labels, "twins": twins}
    return json.dumps(whole, indent=2, sort_keys=True)
