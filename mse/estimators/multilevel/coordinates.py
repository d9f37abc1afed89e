"""The coordinates of the multilevel model and their priors, once for both engines: blocks of one vector, in order."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from mse.kernels.arrays import Integers
from mse.kernels.multilevel_model import (
    AREA,
    BREAKS,
    LIST,
    LIST_MEAN,
    LIST_REST,
    PAIR,
    PAIR_MEAN,
    PAIR_REST,
    POSITIVE,
    SIZE,
    SIZE_MEAN,
    SIZE_REST,
)

Law = Literal["half-normal", "uniform", "half-cauchy", "normal", "normal after the share seen"]


@dataclass(frozen=True, slots=True)
class Block:
    """Parameters of one kind.

    Parameters
    ----------
    name : str
        What they are.
    place : int
        Where they stand, as a place in `mse.kernels.multilevel_model.Multilevel.starts`.
    shape : tuple of int
        How many, last index fastest.
    law : str
        The prior of what they stand for. Of half-normal, uniform and half-Cauchy parameters the vector holds
        coordinates whose tails are those of a normal law (`half_normal`, `normal_tail`, `half_cauchy` of the kernel),
        times `Multilevel.spreads`; all others are standard normal once narrowed and moved (`unfold` of the kernel),
        those of size once the share seen is taken off (`Multilevel.follow`).
    """

    name: str
    place: int
    shape: tuple[int, ...]
    law: Law

    @property
    def count(self) -> int:
        """Number of parameters."""
        return prod(self.shape)


def coordinates(
    *, strata: int, lists: int, scales: int, breaks: int, sizes: int, list_effects: int, pair_effects: int, areas: int
) -> tuple[Block, ...]:
    """Return the blocks of the vector of parameters, end to end.

    Parameters
    ----------
    strata, lists, scales, breaks : int
        Of the table: strata, lists; scales that are learned; changes of lists at breaks.
    sizes, list_effects, pair_effects : int
        Columns of the designs of log sizes, list effects and interactions of pairs.
    areas : int
        Areas that have neighbours; 0 where none are declared.
    """
    pairs = lists * (lists - 1) // 2
    return (
        Block("scales", POSITIVE, (scales,), "half-normal"),
        Block("visibility", POSITIVE, (1,), "uniform"),
        Block("overall", POSITIVE, (1,), "half-cauchy"),
        Block("local", POSITIVE, (pairs,), "half-cauchy"),
        Block("shared", POSITIVE, (min(areas, 1),), "uniform"),
        Block("size_mean", SIZE_MEAN, (1,), "normal after the share seen"),
        Block("size_effects", SIZE, (sizes,), "normal after the share seen"),
        Block("size_rest", SIZE_REST, (strata,), "normal"),
        Block("list_mean", LIST_MEAN, (lists,), "normal"),
        Block("list_effects", LIST, (list_effects, lists), "normal"),
        Block("list_rest", LIST_REST, (strata, lists), "normal"),
        Block("changes", BREAKS, (breaks,), "normal"),
        Block("pair_mean", PAIR_MEAN, (pairs,), "normal"),
        Block("pair_effects", PAIR, (pair_effects, pairs), "normal"),
        Block("pair_rest", PAIR_REST, (strata,), "normal"),
        Block("areas", AREA, (areas,), "normal"),
    )


def starts_of(blocks: tuple[Block, ...]) -> Integers:
    """Return where every place of the vector begins, and its length: `Multilevel.starts`."""
    counts = np.bincount([block.place for block in blocks], weights=[block.count for block in blocks])
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
