"""A method applied to each stratum on its own: parts without a word to each other, added up in every draw."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.answers.strata import EMPTY, StrataDraws
from mse.answers.worstof import worst_diagnostic
from mse.computing.parallel import Compute
from mse.errors import ModelError, MseError, Problem, names_of
from mse.estimators.sharingout import FEWEST, Run, shared_out
from mse.tables.captures import CaptureTable
from mse.tables.levels import vague_levels
from mse.words.said import Said, said

DRAWS = 20_000
"""Draws of every stratum, which make up the draws of the total."""


def estimate_separately(
    table: CaptureTable, dims: Sequence[str], run: Run, *, seed: int, compute: Compute | None = None
) -> Posterior:
    """Estimate every stratum on its own, and add the draws up.

    Parameters
    ----------
    table : CaptureTable
        With the covariates `dims` among its strata; the others are summed over.
    dims : sequence of str
        Dimensions whose crossed levels are estimated one by one.
    run : callable
        Estimates one table without strata, from a seed of its own.
    seed : int
        Of the whole.
    compute : Compute, optional
        Workers or a cluster, over which many strata are shared out; the answer does not depend on it.

    Returns
    -------
    Posterior
        Of the total, independent between strata; ``.strata`` holds the parts. A diagnostic is the worst of the parts.

    Raises
    ------
    ModelError
        When a dimension is unknown, or with every stratum that has no estimate of its own.
    """
    margin = margin_of(table, dims)
    kept = list(margin.strata)
    levels = {dim: margin.strata[dim] for dim in kept}
    parts: list[Posterior | None] = []
    failed: dict[int, MseError] = {}
    compute = compute or Compute(workers=1)
    ready = _shared(margin, levels, run, seed, compute)
    for index, cell in enumerate(itertools.product(*levels.values())):
        where = dict(zip(kept, cell, strict=True))
        if not margin.counts[index].any():
            parts.append(None)  # nobody was registered: there is nothing to estimate from
            continue
        if index in ready:
            parts.append(ready[index])
            continue
        place = ", ".join(f"{dim} {level}" for dim, level in where.items())
        try:
            parts.append(run(margin.part(where), _seed(seed, index), compute.within(place)))
        except MseError as error:
            failed[index] = error
            parts.append(None)
    cells = list(itertools.product(*levels.values()))
    vague = {dim: vague_levels(names) for dim, names in levels.items()}
    carried = {
        i: int(margin.counts[i].sum()) for i in failed
        if any(level in vague[dim] for dim, level in zip(kept, cells[i], strict=True)) and any(parts)
    }  # fmt: skip
    problems = [
        replace(p, found=said("fault.part", what=p.found,
                              where=[f"{dim} {level}" for dim, level in zip(kept, cells[i], strict=True)]))
        for i, error in failed.items() if i not in carried for p in error.problems
    ]  # fmt: skip
    if problems:
        more = Problem(said("fault.every_part"), said("allowed.strata_overlapping_lists"),
                       said("do.put_small_strata_together"),
                       file=said("what.table", name=table.name))  # fmt: skip
        raise ModelError([*problems, more])
    return _added(table, levels, parts, seed, carried)


def _shared(
    margin: CaptureTable, levels: Mapping[str, Sequence[str]], run: Run, seed: int, compute: Compute
) -> Mapping[int, Posterior]:
    """Return the answers of strata by their places, where there are so many that workers take part."""
    held = np.flatnonzero(margin.counts.any(axis=1)).tolist()
    if len(held) < FEWEST or (compute.workers == 1 and compute.cluster is None and compute.folder is None):
        return {}
    cells = list(itertools.product(*levels.values()))
    tasks = []
    for i in held:
        with suppress(MseError):  # it is told of the stratum when it is tried alone
            tasks.append((i, margin.part(dict(zip(levels, cells[i], strict=True))), _seed(seed, i)))
    return shared_out(run, tasks, compute)


def _seed(seed: int, index: int) -> int:
    return int(np.random.default_rng([seed, index]).integers(2**31))


def parts_by(table: CaptureTable, dims: Sequence[str]) -> list[CaptureTable]:
    """Return the tables of the strata in which somebody was registered.

    Raises
    ------
    ModelError
        As `margin_of`.
    """
    margin = margin_of(table, dims)
    cells = itertools.product(*margin.strata.values())
    return [
        margin.part(dict(zip(margin.strata, cell, strict=True)))
        for index, cell in enumerate(cells) if margin.counts[index].any()
    ]  # fmt: skip


def margin_of(table: CaptureTable, dims: Sequence[str]) -> CaptureTable:
    """Return the table over some of its covariates, the others summed over.

    Raises
    ------
    ModelError
        When a dimension is unknown, none is named, or one twice.
    """
    unknown = [dim for dim in dims if dim not in table.strata]
    if unknown or not dims or len(set(dims)) < len(dims):
        found = said("fault.no_covariate", name=unknown[0]) if unknown else said("fault.by_twice")
        allowed = names_of(table.strata, said("allowed.none_table_has_no"))
        raise ModelError(
            Problem(found, allowed, said("do.name_covariates_estimate"), file=said("what.table", name=table.name))
        )
    rest = [dim for dim in table.strata if dim not in dims]
    return table.collapse(*rest) if rest else table


def _added(
    table: CaptureTable, levels: dict[str, tuple[str, ...]], every: Sequence[Posterior | None], seed: int,
    carried: Mapping[int, int],
) -> Posterior:  # fmt: skip
    """Add the parts up; where nobody was registered there is no number, and the total says that it leaves it out.

    Persons of strata that are `carried`, whose label is missing or stands for several, are in view as everybody is
    whose label is known: their number is theirs over the share in view of the others, in every draw.
    """
    parts = [part for part in every if part is not None]
    rng = np.random.default_rng([seed, len(every)])
    nobody = np.zeros(DRAWS, dtype=np.int64)
    draws = np.stack([nobody if part is None else part.distribution.draw(DRAWS, rng) for part in every], axis=1)
    first, n = parts[0], np.array([0 if part is None else part.observed for part in every])
    points = np.array([0.0 if part is None else part.point for part in every])
    flags: list[tuple[Said, ...]] = [(EMPTY,) if part is None else () for part in every]
    unseen, seen = draws.sum(axis=1) / n.sum(), points.sum() / n.sum()
    for i, persons in carried.items():
        draws[:, i] = np.rint(persons * unseen)
        points[i], n[i], flags[i] = persons * seen, persons, (said("flag.no_estimate"), said("flag.carried"))
    strata = StrataDraws(
        levels, draws, points, n, np.full((len(every), len(every)), np.nan), tuple(flags),
    )  # fmt: skip
    total = draws.sum(axis=1)
    values, counts = np.unique(total, return_counts=True)
    names = {name for part in parts for name in part.diagnostics}
    diagnostics = {
        name: (worst_diagnostic(name) or max)(part.diagnostics[name] for part in parts if name in part.diagnostics)
        for name in sorted(names)
    }
    names_of = [", ".join(cell) for cell in itertools.product(*levels.values())]
    empty = [name for i, name in enumerate(names_of) if every[i] is None and i not in carried]
    left_out: tuple[Said, ...] = (said("note.unregistered", names=empty),) if empty else ()
    left_out += (said("note.carried", names=[names_of[i] for i in carried]),) if carried else ()
    return replace(
        first,
        table=table.name,
        table_digest=table.digest,
        lists=table.lists,
        observed=int(n.sum()),
        spec={**first.spec, "by": ", ".join(levels), "seed": seed},
        distribution=Distribution.from_mass(values.astype(np.float64), counts.astype(np.float64)),
        draws=total,
        point=float(np.median(total)) if first.kind == "posterior" else float(strata.point.sum()),
        models=None,
        interactions={},
        diagnostics=diagnostics,
        notes=(said("note.separately", names=list(levels)), *left_out),
        inside=tuple(x for x in first.inside if all(x in part.inside for part in parts)),
        outside=tuple(dict.fromkeys(x for part in parts for x in part.outside)),
        assumptions=tuple(dict.fromkeys(x for part in parts for x in part.assumptions)),
        strata=strata,
    )
