r"""Who gets on which list: odds by stratum, a shared visibility, referrals, a list that stands apart, consent.

For a person of stratum s with visibility v, list j registers on its own with probability

.. math:: p_j = c_j \, \mathrm{expit}(a_{jt} + \beta_{js} + \sigma v + x_k \log \omega)

where c is the probability of consent (1 before the rule), a the intercept of the year, β the log-odds of the stratum,
x_k whether the person is on the list that stands apart, and ω its odds. Referrals come on top. The intercepts are
solved for so that the *expected* persons on each list and year are those of the spec, whatever is switched on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array, Flags
from mse.simulate.spec import SimulateSpec
from mse.simulate.victims import Population, expected_victims, stratum_shares
from mse.words.said import said

NODES = 7
"""Gauss-Hermite nodes for the visibility."""
ROUNDS = 60
EXACT = 1e-6
"""Relative error of the expected persons on a list in a year."""


@dataclass(frozen=True, slots=True, eq=False)
class Captures:
    """Who is on which list; rows as in the population.

    Parameters
    ----------
    on : bool array, shape (V, K)
        Whether the person is on the list.
    sender : int8 array, shape (V, K)
        Place of the list that sent the person; -1 where the list found the person by itself.
    """

    on: Flags
    sender: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Intercepts and what they lead one to expect.

    Parameters
    ----------
    intercepts : float64 array, shape (years, K)
        Log-odds.
    on_list : float64 array, shape (years, K)
        Expected persons on each list.
    registered : float64 array, shape (years,)
        Expected persons on any list.
    """

    intercepts: Array
    on_list: Array
    registered: Array


def effects(spec: SimulateSpec) -> Array:
    """Return the log-odds of each list by stratum of a year, shape (forms, 2, 2, nationalities, regions, K).

    Minus infinity where the list is blind.
    """
    dimensions = [levels for dim, levels in spec.levels.items() if dim != "year"]
    out = np.zeros((*map(len, dimensions), len(spec.registers)))
    for j, register in enumerate(spec.registers):
        for axis, levels in enumerate(dimensions):
            shape = [1] * len(dimensions)
            shape[axis] = len(levels)
            out[..., j] += np.log([register.odds.get(level, 1.0) for level in levels]).reshape(shape)
        for form in spec.blind_forms(register):
            out[dimensions[0].index(form), ..., j] = -np.inf
    return out


@lru_cache(maxsize=16)
def solve(spec: SimulateSpec) -> Expected:
    """Find the intercepts with which every list is expected to register as many a year as the spec says.

    A switched-off consent rule leaves the intercepts alone: the lists register what they would have without it.

    Raises
    ------
    ModelError
        When a list cannot register that many, or referrals alone bring it more.
    """
    grid = effects(spec)
    beta, group = np.unique(grid.reshape(-1, grid.shape[-1]), axis=0, return_inverse=True)
    shares = stratum_shares(spec).reshape(len(spec.years), -1)
    weight = np.stack([np.bincount(group.ravel(), weights=row, minlength=len(beta)) for row in shares])
    victims = expected_victims(spec)
    z, w = np.polynomial.hermite_e.hermegauss(NODES if spec.visibility else 1)
    persons = (weight * victims[:, None])[:, :, None] * (w / w.sum())
    target = np.array([register.registered for register in spec.registers]).T * spec.scale
    reach = (weight[:, :, None] * np.exp(beta)).sum(axis=1) * victims[:, None]
    nobody = target == 0
    intercepts = np.where(nobody, -np.inf, np.log(np.where(nobody, 1.0, target) / reach))
    latent = beta[:, None, :] + spec.visibility * z[:, None]
    for _ in range(ROUNDS):
        own = intercepts[:, None, None, :] + latent
        on_list, registered = _expect(spec, own, persons, rule=True)
        off = np.log(np.where(nobody, 1.0, target) / np.where(nobody, 1.0, on_list))
        if np.abs(off).max() < EXACT:
            if not spec.consent_rule:
                on_list, registered = _expect(spec, own, persons, rule=False)
            for array in (intercepts, on_list, registered):
                array.flags.writeable = False
            return Expected(intercepts, on_list, registered)
        intercepts = intercepts + np.clip(off, -1, 1)
    raise ModelError(
        [
            Problem(
                said("found.register_cannot_register_persons", lists=spec.lists[j], target=target[y, j],
                     years=str(spec.years[y])),
                said("allowed.fewer_than_victims_can"),
                said("do.correct_registered_shares_referrals"), column="simulate.registers",
            )
            for y, j in zip(*np.nonzero(np.abs(off) >= EXACT), strict=True)
        ]
    )  # fmt: skip


def _expect(spec: SimulateSpec, own: Array, persons: Array, *, rule: bool) -> tuple[Array, Array]:
    """Return the expected persons on each list and on any: log-odds (years, groups, nodes, K) and persons without K."""
    part = np.array([1 - first / 365 for first in first_days(spec)]) if rule else np.zeros(len(spec.years))
    asked = np.array([register.consent for register in spec.registers])
    on_list, registered = np.zeros((len(spec.years), own.shape[-1])), np.zeros(len(spec.years))
    k, shift = apart(spec)
    for under_rule in (False, True):
        # Most years lie on one side of the rule.
        years = np.flatnonzero(part if under_rule else 1 - part)
        if not years.size:
            continue
        mass = persons[years] * (part if under_rule else 1 - part)[years, None, None]
        consent = asked if under_rule else np.ones(asked.size)
        for on_k in (False, True) if k is not None else (False,):
            p = _expit(own[years] + shift if on_k else own[years]) * consent
            chance = mass
            if k is not None:
                chance, p[..., k] = mass * (p[..., k] if on_k else 1 - p[..., k]), float(on_k)
            registered[years] += np.einsum("yun,yun->y", chance, 1 - np.prod(1 - p, axis=-1))
            total = p.copy()
            for _, referral, sender, receiver in spec.places():
                reached = referral.share * consent[receiver] * np.isfinite(own[years, :, :, receiver])
                total[..., receiver] += (1 - total[..., receiver]) * p[..., sender] * reached
            on_list[years] += np.einsum("yun,yunk->yk", chance, total)
    return on_list, registered


def first_days(spec: SimulateSpec) -> list[int]:
    """Return the first day of every year, from 0, on which consent is required; 365 when there is none."""
    if spec.consent_from is None:
        return [365] * len(spec.years)
    start = spec.consent_from
    in_year = min(start.timetuple().tm_yday - 1, 364)
    return [0 if year > start.year else in_year if year == start.year else 365 for year in spec.years]


def apart(spec: SimulateSpec) -> tuple[int | None, Array]:
    """Return the list that stands apart, if there is one, and what being on it adds to the log-odds of each list."""
    odds = [register.apart for register in spec.registers]
    found = [j for j, x in enumerate(odds) if x != 1.0 and spec.apartness]
    shift = np.zeros(len(odds))
    if not found:
        return None, shift
    shift += np.log(odds[found[0]])
    shift[found[0]] = 0.0
    return found[0], shift


def draw_captures(spec: SimulateSpec, population: Population, seed: int) -> Captures:
    """Draw who is on which list.

    Every person and list has its own uniform number for being found, for consent and for being sent, drawn
    whether it is needed or not: a mechanism that is switched off leaves all the others as they were.

    Raises
    ------
    ModelError
        See `solve`.
    """
    n, lists = population.person.size, len(spec.registers)
    found, agreed, sent = (np.random.default_rng([seed, stream]) for stream in (2, 3, 4))
    intercepts = solve(spec).intercepts.astype(np.float32)
    year, *strata = population.codes.values()
    grid = effects(spec)
    cell = np.ravel_multi_index(tuple(strata), grid.shape[:-1])
    beta = grid.reshape(-1, lists).astype(np.float32)
    latent = np.float32(spec.visibility) * population.visibility
    must_agree = population.day >= np.array(first_days(spec))[year]
    on, agrees = np.zeros((n, lists), dtype=bool), np.ones((n, lists), dtype=bool)
    k, shift = apart(spec)
    order = sorted(range(lists), key=lambda j: j != k)
    for j in range(lists):
        willing = agreed.random(n, dtype=np.float32) < spec.registers[j].consent
        if spec.consent_rule:
            agrees[:, j] = willing | ~must_agree
    luck = [found.random(n, dtype=np.float32) for _ in range(lists)]
    for j in order:
        eta = intercepts[year, j] + beta[cell, j] + latent
        if k is not None and j != k:
            eta += np.float32(shift[j]) * on[:, k]
        on[:, j] = (luck[j] < _expit(eta)) & agrees[:, j]
    own, sender = on.copy(), np.full((n, lists), -1, dtype=np.int8)
    for _, referral, source, receiver in spec.places():
        goes = sent.random(n, dtype=np.float32) < referral.share
        goes &= own[:, source] & ~on[:, receiver] & agrees[:, receiver] & np.isfinite(beta[cell, receiver])
        on[goes, receiver] = True
        sender[goes, receiver] = source
    return Captures(on, sender)


def _expit(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the probability of log-odds, 0 at minus infinity; in the precision of the input."""
    with np.errstate(over="ignore"):
        out: npt.NDArray[np.floating] = 1 / (1 + np.exp(-x))
    return out
