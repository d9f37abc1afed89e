"""What has to be said beside an estimate with covariates: lists that see little, bounds, labels, empty margins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mse.estimators.stratified.opencells import Flags, StrataCells
from mse.estimators.stratified.stratumfit import StrataFit
from mse.settings.formulatext import quoted


def assumptions(cells: StrataCells) -> tuple[str, ...]:
    """Return what has to hold because of missing lists, missing labels and bounded cells."""
    out = []
    if cells.table.absent.any():
        out.append("where a list is missing, it would have worked as it did in the strata where it is present")
    if cells.unlabelled:
        out.append("whether a label is missing does not depend on what it would have been, given the rest")
    if cells.upper.any():
        out.append("members among the persons of a bounded cell are as many as the other cells let expect")
    return tuple(out)


def flags(cells: StrataCells, status: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to say of each stratum before its number is used."""
    out = []
    for s, operating in enumerate(cells.operating):
        said = []
        if operating < 3:
            if operating == 2:
                said.append("2 lists only: no interaction between them can be tested here")
            else:
                lists = "one list only" if operating == 1 else "no list"
                said.append(f"{lists}: the unseen are carried over from other strata")
        if status[s] == "nobody observed":
            said.append("nobody observed: estimated as empty")
        out.append("; ".join(said))
    return tuple(out)


def notes_on_cells(cells: StrataCells, counted: float, *, alike: bool = False) -> list[str]:
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
    table, out = cells.table, list[str]()
    names = cells.stratum_names()
    k = table.n_lists
    on = (cells.history[:, None] >> np.arange(k)) & 1 == 1
    for j, name in enumerate(table.lists):
        sees = np.bincount(cells.stratum[on[:, j]], minlength=cells.n_strata) > 0
        if not sees.all():
            out.append(
                f"list {name} is blind to {_some(names, ~sees)}: it cannot hold anybody there (structural zeros), so "
                "its silence there says nothing; "
                + (
                    "as lists are independent within a class, one that was missing gives the same N"
                    if alike
                    else "that is not the same as a list that was missing, and gives another N"
                )
            )
    for j, name in enumerate(table.lists):
        gone = np.zeros(cells.n_strata, dtype=bool)
        hidden = cells.hidden & on[:, j]
        gone[cells.stratum[hidden]] = True
        if gone.any():
            out.append(
                f"list {name} is missing in {_some(names, gone)}: whom it would have held is estimated under the model "
                "(likelihood of the collapsed cells), and those on no other list count as unseen; "
                + (
                    "as lists are independent within a class, one that is blind gives the same N"
                    if alike
                    else "that is not the same as a list that is blind, and gives another N"
                )
            )
    few = cells.operating < 3
    if few.any():
        then = "" if few.all() else ", and the estimate borrows from other strata"
        out.append(f"fewer than three lists operate in {_some(names, few)}: no interaction can be tested there{then}")
    if cells.upper.any():
        at = cells.seen.bounds >= 0
        out.append(
            f"{int(cells.upper.sum()):,} persons in {int(at.sum())} cells are an upper bound (over-coverage): "
            f"{counted:,.0f} of them are estimated to belong to the population, and only those are counted"
        )
    if cells.unlabelled:
        out.append(f"{cells.unlabelled:,} persons with a missing label are divided over the strata under the model")
    return out + _one_source(cells)


def notes_on_fit(cells: StrataCells, fit: StrataFit, failed: int, kept: int) -> tuple[str, ...]:
    """Return what has to be said beside the number of one fitted model."""
    known = float(cells.certain.sum()) + cells.unlabelled
    out = [f"model {fit.formula}", *notes_on_cells(cells, float(fit.N.sum() - fit.unseen.sum()) - known)]
    if np.isneginf(fit.solution.beta).any():
        gone_terms = fit.coefficients(cells)
        shown = [str(x) for x in gone_terms["term"][np.isneginf(gone_terms["coefficient"])]]
        more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
        out.append(f"nobody is in these margins, so their terms are at minus infinity: {', '.join(shown[:8])}{more}")
    empty = np.array([status == "nobody observed" for status in fit.status])
    if empty.any():
        out.append(
            f"nobody was observed in {_some(cells.stratum_names(), empty)}; under the model the stratum is empty"
        )
    if failed:
        out.append(f"{failed} of {failed + kept} replicates had no estimate and were left out")
    return tuple(out)


def _one_source(cells: StrataCells) -> list[str]:
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
                found.append(f"{quoted(dim)} = {level} appears on one list only ({lists[0]})")
        if found:
            more = f", and {len(found) - 4} more levels" if len(found) > 4 else ""
            out.append(
                f"{', '.join(found[:4])}{more}: nothing in the data says how many such people the others would miss"
            )
    return out


def _some(names: tuple[str, ...], chosen: Flags) -> str:
    """Return the names of some strata, the first few in full."""
    shown = [name or "the table" for name, inside in zip(names, chosen, strict=True) if inside]
    if len(shown) == len(names):
        return "every stratum"
    return "; ".join(shown[:4]) + (f" and {len(shown) - 4} more strata" if len(shown) > 4 else "")


def plain(options: Mapping[str, object]) -> dict[str, object]:
    """Return options as JSON has them: mappings as dicts, tuples as lists."""

    def simple(value: object) -> object:
        if isinstance(value, Mapping):
            return {str(key): simple(item) for key, item in value.items()}
        return [simple(item) for item in value] if isinstance(value, list | tuple) else value

    return {name: simple(value) for name, value in options.items()}
