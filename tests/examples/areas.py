"""A made-up country of areas on a grid, with an island group and islands, whose numbers of persons are known."""

from __future__ import annotations

import numpy as np

from mse.estimators.multilevel.areas import smooth_axes
from mse.tables.captures import CaptureTable


def map_of(across, down, islands=1):
    """Return names of areas and pairs of neighbours: a grid, a group of two areas apart, and islands."""
    names = [f"A{x:02d}{y:02d}" for y in range(down) for x in range(across)]
    pairs = [(f"A{x:02d}{y:02d}", f"A{x + 1:02d}{y:02d}") for y in range(down) for x in range(across - 1)]
    pairs += [(f"A{x:02d}{y:02d}", f"A{x:02d}{y + 1:02d}") for y in range(down - 1) for x in range(across)]
    alone = tuple(f"I{i}" for i in range(1, islands + 1))
    return (*names, "G1", "G2", *alone), (*pairs, ("G1", "G2")), alone


def country(
    seed, across, down, years=("2019", "2020", "2021"), lists="ABCD", *, persons=60.0, spread=0.7, shared=0.8,
    seen=0.25, visibility=0.5, islands=1,
):  # fmt: skip
    """Return a table of years by areas, its true sizes (years, areas), pairs of neighbours and islands.

    Parameters
    ----------
    seed : int
        Of everything random.
    across, down : int
        Areas of the grid.
    years : tuple of str
        Years, over which sizes walk.
    lists : str
        A letter for each list.
    persons : float
        Median size of an area in a year.
    spread, shared : float
        Standard deviation of the log sizes of areas, and the share of their variance that neighbours have in common.
    seen : float
        Chance to be on a list of somebody of ordinary visibility, on average over lists.
    visibility : float
        Standard deviation of the log odds to be on a list between persons.
    islands : int
        Areas without neighbours.
    """
    rng = np.random.default_rng(seed)
    names, pairs, alone = map_of(across, down, islands)
    place = {name: i for i, name in enumerate(names)}
    basis, variances = smooth_axes(len(names), np.array([[place[a], place[b]] for a, b in pairs]))
    smooth = np.sqrt(1.0 - shared + shared * variances)
    effect = spread * (smooth * rng.standard_normal(len(names))) @ basis
    walk = np.cumsum(rng.normal(0.0, 0.08, len(years)))
    sizes = rng.poisson(persons * np.exp(effect + walk[:, None]))
    odds = np.log(seen / (1.0 - seen)) + rng.normal(0.0, 0.5, len(lists))
    local = odds + rng.normal(0.0, 0.3, (len(names), len(lists)))
    counts = np.zeros((len(years), len(names), 2 ** len(lists)), dtype=np.int64)
    for y in range(len(years)):
        for a in range(len(names)):
            known = local[a] + rng.normal(0.0, visibility, (sizes[y, a], 1))
            on = rng.random(known.shape) < 1.0 / (1.0 + np.exp(-known))
            counts[y, a] = np.bincount(on @ (1 << np.arange(len(lists))), minlength=2 ** len(lists))
    strata = {"year": years, "area": names}
    table = CaptureTable.from_arrays(lists, counts[..., 1:], strata=strata, name="areas")
    return table, sizes, pairs, alone
