"""What has to be said beside an estimate with covariates: lists that see little, bounds, labels, empty margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mse.estimators.stratified.opencells import StrataCells
from mse.estimators.stratified.stratumfit import StrataFit
from mse.kernels.arrays import Flags
from mse.settings.formulatext import quoted
from mse.words.said import Said, said, verbatim


def assumptions(cells: StrataCells) -> tuple[Said, ...]:
    """Return what has to hold because of missing lists, missing labels and bounded cells."""
    out = []
    if cells.table.absent.any():
        out.append(said("assumed.missing_list"))
    if cells.unlabelled:
        out.append(said("assumed.missing_label"))
    if cells.upper.any():
        out.append(said("assumed.bounded"))
    return tuple(out)


def flags(cells: StrataCells, status: tuple[str, ...]) -> tuple[tuple[Said, ...], ...]:
    """Return what to say of each stratum before its number is used."""
    few = (said("flag.no_list"), said("flag.one_list"), said("flag.two_lists"))
    return tuple(
        (
            *((few[operating],) if operating < 3 else ()),
            *((said("flag.nobody"),) if status[s] == "nobody observed" else ()),
        )
        for s, operating in enumerate(cells.operating)
    )


def notes_on_cells(cells: StrataCells, counted: float, *, alike: bool = False) -> list[Said]:
    """Return what has to be said whatever the model.

    Parameters
    ----------
    cells : StrataCells
        The table.
    counted : float
        Persons of bounded cells taken as members.
    alike : bool
        Under the model a list that is blind and one that is missing give the same N.
    """
    table, out = cells.table, list[Said]()
    names = cells.stratum_names()
    k = table.n_lists
    on = (cells.history[:, None] >> np.arange(k)) & 1 == 1
    for j, name in enumerate(table.lists):
        sees = np.bincount(cells.stratum[on[:, j]], minlength=cells.n_strata) > 0
        if not sees.all():
            about = {"list": name, "strata": _some(names, ~sees)}
            out.append(said("note.blind_alike", **about) if alike else said("note.blind", **about))
    for j, name in enumerate(table.lists):
        gone = np.zeros(cells.n_strata, dtype=bool)
        hidden = cells.hidden & on[:, j]
        gone[cells.stratum[hidden]] = True
        if gone.any():
            about = {"list": name, "strata": _some(names, gone)}
            out.append(said("note.absent_alike", **about) if alike else said("note.absent", **about))
    few = cells.operating < 3
    if few.any():
        where = _some(names, few)
        out.append(said("note.few_lists", strata=where) if few.all() else said("note.few_lists_borrowed", strata=where))
    if cells.upper.any():
        at = cells.seen.bounds >= 0
        persons = {"persons": int(cells.upper.sum()), "members": counted}
        out.append(said("note.bounded", cells=int(at.sum()), **persons))
    if cells.unlabelled:
        out.append(said("note.unlabelled", count=cells.unlabelled))
    return out + _one_recorder(cells) + _one_source(cells)


def notes_on_fit(cells: StrataCells, fit: StrataFit, failed: int, kept: int) -> tuple[Said, ...]:
    """Return what has to be said beside the number of one fitted model."""
    known = float(cells.certain.sum()) + cells.unlabelled
    out = [
        said("note.formula", model=fit.formula),
        *notes_on_cells(cells, float(fit.N.sum() - fit.unseen.sum()) - known),
    ]
    if np.isneginf(fit.solution.beta).any():
        gone_terms = fit.coefficients(cells)
        shown = [str(x) for x in gone_terms["term"][np.isneginf(gone_terms["coefficient"])]]
        rest = len(shown) - 8
        terms = shown[:8]
        out.append(
            said("note.empty_margins_more", terms=terms, more=rest)
            if rest > 0
            else said("note.empty_margins", terms=terms)
        )
    empty = np.array([status == "nobody observed" for status in fit.status])
    if empty.any():
        out.append(said("note.empty_strata", strata=_some(cells.stratum_names(), empty)))
    if failed:
        out.append(said("note.replicates_failed", failed=failed, count=failed + kept))
    return tuple(out)


def _one_recorder(cells: StrataCells) -> list[Said]:
    """Return a note for each covariate whose labels are known of the persons on one list alone."""
    table, out = cells.table, []
    on = table.membership()
    for axis, (dim, levels) in enumerate(table.strata.items()):
        labelled = np.array([level in cells.dimensions[dim] for level in levels])
        if labelled.all():
            continue
        shape = tuple(len(x) for x in table.strata.values())
        counts = np.moveaxis(table.counts.reshape(*shape, -1), axis, 0).reshape(len(levels), -1, on.shape[0])
        known, hidden = counts[labelled].sum(axis=(0, 1)) > 0, counts[~labelled].any()
        alone = [name for j, name in enumerate(table.lists) if known.any() and on[known, j].all()]
        if hidden and alone:
            out.append(said("note.one_recorder", dimension=quoted(dim), list=alone[0]))
    return out


def _one_source(cells: StrataCells) -> list[Said]:
    """Return a note for each level of a covariate that one list alone has people of."""
    table, out = cells.table, []
    on = table.membership()
    for axis, (dim, levels) in enumerate(table.strata.items()):
        shape = tuple(len(x) for x in table.strata.values())
        counts = (
            np.moveaxis(table.counts.reshape(*shape, -1), axis, 0).reshape(len(levels), -1, on.shape[0]).sum(axis=1)
        )
        found = []
        for level, row in zip(levels, counts, strict=True):
            lists = [name for j, name in enumerate(table.lists) if row[on[:, j]].any()]
            if len(lists) == 1:
                found.append(said("note.one_source_level", dimension=quoted(dim), level=level, list=lists[0]))
        rest, shown = len(found) - 4, found[:4]
        if found:
            out.append(
                said("note.one_source_more", levels=shown, more=rest)
                if rest > 0
                else said("note.one_source", levels=shown)
            )
    return out


def _some(names: tuple[str, ...], chosen: Flags) -> Said:
    """Return the names of some strata, the first few in full."""
    shown = [name for name, inside in zip(names, chosen, strict=True) if inside]
    return said("where.every") if len(shown) == len(names) else strata_named(shown, 4)


def stratum_named(name: str) -> Said:
    """Return a stratum by its name; a table without strata is one."""
    return verbatim(name) if name else said("where.table")


def strata_named(names: Sequence[str], most: int) -> Said:
    """Return strata by name, so many of them at most, and how many more there are."""
    shown, more = list(map(stratum_named, names[:most])), len(names) - most
    return said("where.more", names=shown, more=more) if more > 0 else said("where.some", names=shown)


def plain(options: Mapping[str, object]) -> dict[str, object]:
    """Return options as JSON has them: mappings as dicts, tuples as lists."""

    def simple(value: object) -> object:
        if isinstance(value, Mapping):
            return {str(key): simple(item) for key, item in value.items()}
        return [simple(item) for item in value] if isinstance(value, list | tuple) else value

    return {name: simple(value) for name, value in options.items()}
