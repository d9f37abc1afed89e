"""Terms and hierarchical log-linear models as values: notation, bitmasks, enumeration.

A term is a set of lists, written as an integer with bit j for list j; 0 is the intercept. A hierarchical
model holds, with a term, all the terms inside it, and always the intercept and every single list, so that its
largest terms, the *generators*, say everything. For sweeps over many models a model is also a mask over
*candidates*, the terms of two and more lists: bit i stands for ``candidates(...)[i]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, compress
from math import comb

import numpy as np

from mse.errors import ModelError, Problem
from mse.kernels.arrays import Integers
from mse.words.said import Said, said

MOST_MODELS = 10_000_000
"""Models that are enumerated at most: all of six lists, or all pairs of seven; beyond that it takes days."""

MAX_CANDIDATES = 62
"""Candidates that fit a mask in a signed 64-bit integer with a bit to spare."""

# antichain covers of a K-set (OEIS A006126) without the saturated model
_ALL_ORDERS = {2: 1, 3: 8, 4: 113, 5: 6_893, 6: 7_785_061, 7: 2_414_627_396_433}


@lru_cache(maxsize=4096)
def members(term: int) -> tuple[int, ...]:
    """Return the positions of the lists in a term, counted from 0."""
    return tuple(j for j in range(term.bit_length()) if term >> j & 1)


def term_of(lists: Iterable[int]) -> int:
    """Return the bitmask of the lists at these positions, counted from 0."""
    term = 0
    for j in lists:
        term |= 1 << j
    return term


@lru_cache(maxsize=4096)
def _as_printed(term: int) -> tuple[int, tuple[int, ...]]:
    """Sort key of a generator: larger first, then by list numbers."""
    return -term.bit_count(), members(term)


@dataclass(frozen=True, slots=True)
class Model:
    """A hierarchical log-linear model on K lists.

    Parameters
    ----------
    n_lists : int
        Number of lists K, 1 or more.
    generators : tuple of int
        Terms as bitmasks, in any order and number; stored without those that lie inside another one, with the
        single lists that no generator holds, larger ones first and then by list numbers. Two models are
        equal when they hold the same terms.

    Raises
    ------
    ModelError
        When a generator has a list beyond K.
    """

    n_lists: int
    generators: tuple[int, ...]

    def __post_init__(self) -> None:
        """Bring the generators into their one order."""
        full = (1 << self.n_lists) - 1
        wrong = [g for g in self.generators if g < 0 or g > full]
        if wrong:
            raise ModelError(
                Problem(
                    found=said("found.terms_outside_lists", n_lists=self.n_lists, terms=(*map(str, wrong),)),
                    allowed=said("allowed.bitmasks_0", full=full),
                    remedy=said("do.check_number_lists"),
                )
            )
        given = {int(g) for g in self.generators} | {1 << j for j in range(self.n_lists)}
        largest: list[int] = []
        for g in sorted(given, key=_as_printed):  # what lies inside another term comes after it
            for other in largest:
                if g & other == g:
                    break
            else:
                largest.append(g)
        object.__setattr__(self, "generators", tuple(largest))

    @property
    def terms(self) -> tuple[int, ...]:
        """All terms, the intercept 0 first, sorted by number of lists and then by value."""
        found = {0}
        for generator in self.generators:
            inside = generator
            while inside:
                found.add(inside)
                inside = (inside - 1) & generator
        return tuple(sorted(found, key=lambda t: (t.bit_count(), t)))

    @property
    def saturated(self) -> bool:
        """Whether the term of all lists is in, which leaves the number of unseen open."""
        return self.generators == ((1 << self.n_lists) - 1,)

    @property
    def order(self) -> int:
        """Number of lists in the largest term."""
        return self.generators[0].bit_count()

    @property
    def notation(self) -> str:
        """Generators by list numbers from 1, for example ``"[123,14,34]"``.

        With ten lists and more the numbers within a generator are parted by a full stop: ``"[1.2.10,3]"``.
        """
        between = "" if self.n_lists < 10 else "."
        return "[" + ",".join(between.join(str(j + 1) for j in members(g)) for g in self.generators) + "]"

    def named(self, lists: Sequence[str]) -> str:
        """Return the generators by name, for example ``"LA:NG + GO"``.

        Parameters
        ----------
        lists : sequence of str, length K
            Names in bit order.
        """
        return " + ".join(":".join(lists[j] for j in members(g)) for g in self.generators)

    def relabelled(self, order: Sequence[int]) -> Model:
        """Return the model on reordered lists: the new list i is the old list ``order[i]``."""
        place = {old: new for new, old in enumerate(order)}
        return Model(self.n_lists, tuple(term_of(place[j] for j in members(g)) for g in self.generators))

    def __str__(self) -> str:
        """Return the notation."""
        return self.notation

    @classmethod
    def parse(cls, text: str, lists: Sequence[str]) -> Model:
        """Read a model from list numbers or from names.

        Parameters
        ----------
        text : str
            ``"[12,3]"`` (numbers from 1; with ten lists and more ``"[1.2,10]"``), ``"A:B + C"`` or
            ``"A*B + C"``. The model is the smallest hierarchical one with the terms that are named: ``A:B:C``
            brings its pairs along, and so means what ``A*B*C`` does. Lists that are not mentioned are in
            with their main effect.
        lists : sequence of str, length K
            Names in bit order.

        Raises
        ------
        ModelError
            With everything that is wrong: an unknown list, a list or a term written twice, an empty term.
        """
        text = text.strip()
        faults: list[Said] = []
        if text.startswith("["):
            found = _read_numbers(text, len(lists), faults)
        else:
            found = _read_names(text, lists, faults)
        for term in sorted({t for t in found if found.count(t) > 1}, key=_as_printed):
            faults.append(said("model.term_twice", term=":".join(lists[j] for j in members(term))))
        if faults:
            allowed = said(
                "allowed.generators_such_numbers_1",
                notation=cls(len(lists), (3,)).notation,
                lists=len(lists),
                lists_2=cls(len(lists), (3,)).named(lists),
                lists_3=(*lists,),
            )
            raise ModelError(
                [Problem(said("found.model", f=f), allowed, said("do.correct_model"), value=text) for f in faults]
            )
        return cls(len(lists), tuple(found))


def _read_numbers(text: str, n_lists: int, faults: list[Said]) -> list[int]:
    """Read ``[12,3]``; what is wrong goes to `faults`."""
    if not text.endswith("]"):
        faults.append(said("model.bracket"))
    found = []
    for part in text.strip("[]").split(","):
        digits = [d.strip() for d in (part.split(".") if n_lists >= 10 else part.strip())]
        if not digits or "" in digits:
            faults.append(said("model.empty"))
            continue
        unknown = [d for d in digits if not (d.isascii() and d.isdigit() and 1 <= int(d) <= n_lists)]
        faults.extend(said("model.no_list", name=repr(d)) for d in unknown)
        if len(set(digits)) < len(digits):
            faults.append(said("model.list_twice", term=part.strip()))
        if not unknown:
            found.append(term_of(int(d) - 1 for d in digits))
    return found


def _read_names(text: str, lists: Sequence[str], faults: list[Said]) -> list[int]:
    """Read ``A:B + C``; what is wrong goes to `faults`."""
    position = {name: j for j, name in enumerate(lists)}
    found = []
    for part in text.removeprefix("~").split("+"):
        names = [name.strip() for name in re.split(r"[:*]", part)]
        if "" in names:
            faults.append(said("model.empty"))
            continue
        unknown = [name for name in names if name not in position]
        faults.extend(said("model.no_list", name=repr(name)) for name in unknown)
        if len(set(names)) < len(names):
            faults.append(said("model.list_twice", term=part.strip()))
        if not unknown:
            found.append(term_of(position[name] for name in names))
    return found


def candidates(n_lists: int, max_order: int | None = None, *, saturated: bool = False) -> Integers:
    """Return the terms that a sweep may add to the main effects.

    Parameters
    ----------
    n_lists : int
        Number of lists K.
    max_order : int or None
        Most lists in a term; None for K.
    saturated : bool
        Whether the term of all lists may be in. It leaves N open, so that a sweep is without it.

    Returns
    -------
    (C,) int64
        Subsets of 2 to `max_order` lists, by size and then by value: a term comes after all those inside it.
    """
    largest = n_lists if max_order is None else min(max_order, n_lists)
    if not saturated:
        largest = min(largest, n_lists - 1)
    return _subsets(n_lists, largest).copy()


@lru_cache(maxsize=64)
def _subsets(n_lists: int, largest: int) -> Integers:
    found = [
        term
        for size in range(2, largest + 1)
        for term in sorted(term_of(chosen) for chosen in combinations(range(n_lists), size))
    ]
    return np.array(found, dtype=np.int64)


def mask_of(model: Model, subsets: Integers) -> int:
    """Return the mask of a model over candidates.

    Parameters
    ----------
    model : Model
        Any hierarchical model whose terms of two and more lists are all candidates.
    subsets : (C,) int64
        As `candidates` returns them.

    Raises
    ------
    ModelError
        When a term of the model is not among the candidates.
    """
    index = {int(term): i for i, term in enumerate(subsets)}
    wanted = [term for term in model.terms if term.bit_count() > 1]
    beyond = [term for term in wanted if term not in index]
    if beyond:
        numbers = ", ".join("".join(str(j + 1) for j in members(term)) for term in beyond)
        raise ModelError(
            Problem(
                found=said("found.model_has_terms_not", model=model, numbers=str(numbers)),
                allowed=said("allowed.terms_most_lists", what=max((t.bit_count() for t in index), default=1)),
                remedy=said("do.raise_max_order_choose"),
            )
        )
    return sum(1 << index[term] for term in wanted)


def model_of(mask: int, subsets: Integers, n_lists: int) -> Model:
    """Return the model that a mask over candidates stands for.

    Parameters
    ----------
    mask : int
        Bit i set when candidate i is in; taken to be hierarchical.
    subsets : (C,) int64
        As `candidates` returns them.
    n_lists : int
        Number of lists K.
    """
    return Model(n_lists, tuple(int(term) for i, term in enumerate(subsets) if int(mask) >> i & 1))


def notations(masks: Integers, subsets: Integers, n_lists: int) -> list[str]:
    """Return the notation of many models: ``model_of(mask, …).notation``, fifty times as fast.

    Parameters
    ----------
    masks : (m,) int64
        Hierarchical models over `subsets`.
    subsets : (C,) int64
        As `candidates` returns them.
    n_lists : int
        Number of lists K.
    """
    terms = np.concatenate([np.int64(1) << np.arange(n_lists, dtype=np.int64), subsets])
    held = np.ones((masks.size, terms.size), dtype=bool)
    held[:, n_lists:] = (masks[:, None] >> np.arange(subsets.size, dtype=np.int64)) & 1 == 1
    inside = ((terms[:, None] & terms[None, :]) == terms[:, None]) & (terms[:, None] != terms[None, :])
    # a generator lies inside no other term of the model
    largest = held & (held.astype(np.float32) @ inside.T.astype(np.float32) == 0)
    order = sorted(range(terms.size), key=lambda i: _as_printed(int(terms[i])))
    between = "" if n_lists < 10 else "."
    labels = [between.join(str(j + 1) for j in members(int(terms[i]))) for i in order]
    return ["[" + ",".join(compress(labels, row)) + "]" for row in largest[:, order].tolist()]


@lru_cache(maxsize=32)
def count_models(n_lists: int, max_order: int | None = None) -> int:
    """Return the number of hierarchical models with all main effects, without the saturated one.

    Parameters
    ----------
    n_lists : int
        Number of lists K.
    max_order : int or None
        Most lists in a term; None for all.

    Returns
    -------
    int
        8, 113, 6,893, 7,785,061, 2,414,627,396,433 for K = 3 to 7; ``2 ** comb(K, 2)`` for pairs.

    Raises
    ------
    ModelError
        For more than six lists with terms of three lists or more, but not all: nobody needs that number.
    """
    largest = n_lists - 1 if max_order is None else min(max_order, n_lists - 1)
    if largest < 2:
        return 1
    if largest == 2:
        return 1 << comb(n_lists, 2)
    if largest == n_lists - 1 and n_lists in _ALL_ORDERS:
        return _ALL_ORDERS[n_lists]
    if n_lists <= 6:
        from mse.kernels.enumeration import count_models as by_size
        from mse.kernels.enumeration import facet_masks

        return int(by_size(facet_masks(candidates(n_lists, largest)), 0, 0).sum())
    raise ModelError(
        Problem(
            found=said("found.models_lists_terms_up", n_lists=n_lists, largest=largest),
            allowed=said("allowed.most_six_lists_pairs"),
            remedy=said("do.set_max_order_2_3"),
        )
    )
