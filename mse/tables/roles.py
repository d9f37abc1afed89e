"""What each column of a table is: a list, a covariate, the count, or not read.

Where the caller does not say so:

1. ``count`` (in any case of letters) is the count; where there is none, the one column that is called as counts
   usually are (``n``, ``freq``, ``frequency``, ``aantal``, ``weight``, …). Where several are, it is asked.
2. Without a count, each row is one person if some rows are alike, or a column numbers them; else it is asked.
3. Only 0 and 1, or TRUE and FALSE: a list. Words such as yes and no, ja and nee are lists where all lists are written
   in words; beside 0 and 1 they are asked about.
4. 0 and 1 in more than half of the rows, with a 0 somewhere: a list with bad cells, each an error.
5. Anything that might be a list in another coding (0, or 1 beside text; x and blank), or an identifier or measurement
   (every row different, from 4 rows on; fractions), or another count: an error that asks for a decision.
6. The rest: a covariate. Its levels are sorted, as numbers when all of them are.

Where covariates are named there are no others: every column that is left is a list, or the count. Where only
lists are named, a column that is left is a covariate by rule 6, an error if it holds 0 and 1 only, and not read if it
has gaps or is doubtful. Where both are named, or rows are persons, no column that is not named is read beyond the
lists; `Roles.unread` tells which those were.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from mse.tables.checks import Faults
from mse.tables.codings import (
    BIT,
    COUNT_NAMES,
    LOGICAL,
    called_otherwise,
    coding_of,
    count_like,
    count_place,
    read_as_lists,
)
from mse.tables.grids import Grid
from mse.tables.longtables import called_id
from mse.tables.readspec import Reading
from mse.tables.recoding import GONE
from mse.words.said import Said, said

SAYS_YES_OR_NO = frozenset("yes no y n ja nee j true false t f x - + on off v".split())
_PAIRS = (("yes", "no"), ("ja", "nee"), ("true", "false"), ("waar", "onwaar"), ("y", "n"), ("j", "n"))

ROWS_ARE_PERSONS = said("do.rows_are_persons")
NAME_IT = said("do.name_it_covariate")
NAME_LISTS = said("do.name_all_lists")
IGNORE = said("do.to_ignore")


class Roles(NamedTuple):
    """Places of the columns in the grid by what they are.

    Parameters
    ----------
    lists, covariates : list of int
        Places.
    number : int or None
        Place of the count; None when there is none.
    unread : list of int
        Places of the columns that are not read.
    persons : bool
        Whether each row is one person.
    """

    lists: list[int]
    covariates: list[int]
    number: int | None
    unread: list[int]
    persons: bool


def roles_of(grid: Grid, faults: Faults, reading: Reading, persons: bool) -> Roles:
    """Decide what each column is, by name where the caller says so and by the module's rules otherwise.

    Parameters
    ----------
    grid : Grid
        Text cells.
    faults : Faults
        Receives what cannot be decided, and names that do not fit.
    reading : Reading
        What the caller says.
    persons : bool
        Whether each row is one person, as far as that is known.
    """
    lists, covariates, levels = reading.lists, reading.covariates, reading.levels
    place, persons = _count_role(grid, faults, reading, persons)
    for role, named in ((said("what.list"), lists or ()), (said("what.covariate"), covariates or ())):
        for name in named:
            if name not in grid.header or grid.header.index(name) == place:
                kind = said("found.no_column_3", role=role)
                free = [x for i, x in enumerate(grid.header) if i != place]
                near = get_close_matches(name, free, n=1) or [x for x in free if x.casefold() == name.casefold()]
                remedy = said("do.did_you_mean_4", near=repr(near[0])) if near else said("do.correct_name")
                faults.add(kind, said("allowed.one_2", header=(*grid.header,)), remedy, column=name)
            elif role.code == "what.covariate" and name in (lists or ()):
                faults.add(
                    said("found.named_both_list_covariate"), said("allowed.one_other"), said("do.choose"), column=name
                )
    found = Roles([], [], place, [], persons)
    open_to_all = [i for i, name in enumerate(grid.header) if i != place and name not in (covariates or ())]
    worded = {open_to_all[k] for k in read_as_lists([grid.columns[i] for i in open_to_all])}
    for i, (name, cells) in enumerate(zip(grid.header, grid.columns, strict=True)):
        if i == place or not name or name in grid.header[:i]:
            continue
        binary = set(cells) <= BIT.keys()
        if name in (covariates or ()):
            found.covariates.append(i)
        elif name in (lists or ()) or (lists is None and (_like_a_list(cells) or i in worded or _gaps(cells, worded))):
            found.lists.append(i)
        elif place is None and not persons:
            continue  # one missing count column explains enough
        elif lists is not None and covariates is not None and not binary:
            found.unread.append(i)
        elif persons and not binary and (_numbering(name, cells) or not _another_coding(cells)):
            found.unread.append(i)
        elif lists is not None and not binary and name not in levels and ("" in cells or _doubt(name, cells)):
            found.unread.append(i)
        elif covariates is not None or binary:
            faults.add(
                said("found.column_neither_list_0"),
                said("allowed.lists_covariates_count"),
                said("do.remove_2", name_it=NAME_IT, ignore=IGNORE), column=name,
            )  # fmt: skip
        elif doubt := _doubt(name, cells):
            faults.add(
                said("found.not_clear_what_column", doubt=doubt), said("allowed.n0_1_list_levels"),
                said("do.write_0_1_if_2", name_it=NAME_IT, ignore=IGNORE),
                column=name,
            )  # fmt: skip
        else:
            found.covariates.append(i)
    wanted = [*(lists or ()), *(covariates or ())]  # the order that the caller gave
    for places in (found.lists, found.covariates):
        places.sort(key=lambda i: wanted.index(grid.header[i]) if grid.header[i] in wanted else len(wanted))
    return found


def _count_role(grid: Grid, faults: Faults, reading: Reading, persons: bool) -> tuple[int | None, bool]:
    """Return the place of the count and whether rows are persons, and say what is wrong with the count."""
    count = reading.count
    if persons:
        place = count_column(grid.header, count)
        if place is not None:
            faults.add(
                said("found.count_column_although_each"), said("allowed.one_other"),
                said("do.leave_out_persons_true"), column=grid.header[place],
            )  # fmt: skip
        return place, True
    free = ["" if name in reading.named and name != count else name for name in grid.header]
    place = count_place(free, grid.columns, count)
    if place is not None:
        return place, False
    faults.private = True  # this may well be a file of persons
    allowed = said("allowed.column_number_persons", count=repr(count))
    near = get_close_matches(count, [x for x in free if x], n=1) if count != COUNT_NAMES[0] else []
    if near:
        faults.add(said("found.no_count_column"), allowed, said("do.did_you_mean_4", near=repr(near[0])))
        return None, False
    several = count_like(free, grid.columns) if count == COUNT_NAMES[0] else []
    maybe = several or _maybe_counts(grid, free, reading)
    several_rows = [i for i, name in enumerate(free) if called_id(name) and len({*grid.columns[i]}) < len(grid.rows)]
    if not maybe and several_rows and not any(map(_like_a_list, grid.columns)):
        faults.add(said("ask.long"), said("ask.long_allowed"), said("ask.long_remedy"))
        return None, False
    if maybe:
        names = [grid.header[i] for i in maybe]
        first = said("do.rename_or_say_count", name=repr(names[0]), count=repr(count))
        faults.add(said("found.no_count_column") if len(names) < 2 else said("found.no_count_column_more",
                                                                             names=(*names,)), allowed,
                   said("do.command_line_count", first=first, names=names[0],
                        rows_are_persons=ROWS_ARE_PERSONS))  # fmt: skip
        return None, False
    if count == COUNT_NAMES[0] and _alike(grid, free, reading):
        return None, True
    faults.add(
        said("found.no_count_column"),
        allowed,
        said("do.add_column_4", count=repr(count), rows_are_persons=ROWS_ARE_PERSONS),
    )
    return None, False


def _maybe_counts(grid: Grid, free: Sequence[str], reading: Reading) -> list[int]:
    """Return the columns of whole numbers beyond 1 that may be counts under another name, years and ages not."""
    found = []
    for i, name in enumerate(free):
        cells = [x for x in grid.columns[i] if x.casefold() not in GONE]
        whole = bool(cells) and all(re.fullmatch(r"\d{1,9}(?:[.,]0+)?", x) for x in cells)
        plain = {*cells} <= {"0", "1", "1.0", "0.0"}
        if name and plain and whole and name.casefold() in COUNT_NAMES:
            found.append(i)
        if not name or not whole or plain or called_otherwise(name) or called_id(name):
            continue
        years = all(re.fullmatch(r"(19|20)\d\d", x) for x in cells)
        if not years:
            found.append(i)
    return found


def _numbering(name: str, cells: Sequence[str]) -> bool:
    return called_id(name) and len({*cells}) == len(cells)


def _alike(grid: Grid, free: Sequence[str], reading: Reading) -> bool:
    """Return whether rows can only be persons: some are the same, or a column names every one of them."""
    lists = [i for i, cells in enumerate(grid.columns) if _like_a_list(cells) or free[i] == "" or
             grid.header[i] in reading.named]  # fmt: skip
    worded = read_as_lists(grid.columns)
    if sum(grid.header[i] not in (reading.covariates or ()) for i in {*lists, *worded}) < 2:
        return False
    called = any(called_id(name) and len({*grid.columns[i]}) == len(grid.rows) > 3
                 for i, name in enumerate(free) if name)  # fmt: skip
    whole = [i for i in range(len(grid.header)) if grid.header[i]]
    rows = [*zip(*(grid.columns[i] for i in whole), strict=True)]
    return called or len({*rows}) < len(rows)


def count_column(header: Sequence[str], count: str) -> int | None:
    """Return the place of the count, whatever the case of its letters; None when there is none."""
    if count in header:
        return header.index(count)
    alike = [i for i, name in enumerate(header) if name.casefold() == count.casefold()]
    return alike[0] if len(alike) == 1 else None


def _like_a_list(cells: Sequence[str]) -> bool:
    """Only 0 and 1, or mostly so with a 0 somewhere: then the other values are mistakes."""
    good = sum(cell in BIT for cell in cells)
    return good == len(cells) or ("0" in cells and 2 * good > len(cells))


def _gaps(cells: Sequence[str], worded: Collection[int]) -> bool:
    """Return whether a list in words, as all lists are or as programs write 0 and 1, has cells that are empty."""
    coding = coding_of([cell for cell in cells if cell.casefold() not in GONE])
    return coding is not None and 0 < coding and (coding <= LOGICAL or bool(worded))


def _doubt(name: str, cells: Sequence[str]) -> Said | None:
    """Return why a column with other values than 0 and 1 may not be a covariate; None when it may."""
    values = set(cells)
    if values == {""}:
        return said("doubt.empty")
    if "0" in values or ("1" in values and not all(_is_whole(x) for x in values)):
        return said("doubt.other_values")
    words = {x.casefold() for x in values}
    if words <= SAYS_YES_OR_NO | {""} or ("" in values and len(values) <= 2):
        return said("doubt.other_coding")
    if any({*pair} <= words for pair in _PAIRS):
        return said("doubt.neither")
    if name.casefold() in COUNT_NAMES and all(_is_whole(x) for x in values - {""}):
        return said("doubt.count")
    if len(values) == len(cells) >= 4:
        return said("doubt.own_value")
    if sum(bool(re.fullmatch(r"-?\d*[.,]\d+%?", x)) for x in values) > len(values) / 2:
        return said("doubt.fractions")
    return None


def _another_coding(cells: Sequence[str]) -> bool:
    """Return whether a column without 0 and 1 throughout may be a list all the same."""
    values = {cell.casefold() for cell in cells}
    return "0" in values or values <= SAYS_YES_OR_NO | {""} and bool(values - {""}) or values <= {"1", ""} | BIT.keys()


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9]+", text))
