"""What makes an overlap table sound, whether it comes from a file, a frame or arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mse.errors import InputError, Problem
from mse.words.said import Said

MAX_LISTS = 16
MOST_LISTS = 62
"""Lists that fit a history in a signed 64-bit integer with a bit to spare."""
MAX_COUNT = 10**9
MAX_CELLS = 2**25
NOT_IN_LIST_NAMES = "*+,:[]"
RESERVED = ("count", "history", "list", "observable", "absent", "on_list")

_LIST_NAMES = f"a text on one line without any of {' '.join(NOT_IN_LIST_NAMES)}, and no ~ at its start"


class Faults:
    """The problems of one source, gathered by kind and column so that a bad column does not flood the reader.

    Parameters
    ----------
    source : str
        File or frame, as the messages name it.
    private : bool
        Rows are persons: the values of cells are left out of every message.
    """

    shown = 20
    groups_shown = 20

    def __init__(self, source: str, *, private: bool = False) -> None:
        self.source = source
        self.private = private
        self.unreadable: set[int] = set()
        """Rows in which bytes could not be decoded; what stands there as anything but ASCII is a guess."""
        self._groups: dict[tuple[str | Said, str | None], list[Problem]] = {}

    def add(
        self, kind: str | Said, allowed: str | Said, remedy: str | Said, *, detail: str = "", row: int | None = None,
        column: str | None = None, value: str | None = None,
    ) -> None:  # fmt: skip
        """Record one fault; `detail` follows a `kind` in words in the message and is not part of the grouping."""
        if row in self.unreadable and value is not None and not value.isascii():
            return  # it follows from the damage
        shown = None if self.private and row is not None else value
        found = kind if isinstance(kind, Said) else kind + detail
        problem = Problem(found, allowed, remedy, file=self.source, row=row, column=column, value=shown)
        self._groups.setdefault((kind, column), []).append(problem)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._groups.values()))

    def problems(self) -> list[Problem]:
        """Return what to print: the first few of each kind and column, and how many more there are."""
        limit = max(3, self.shown // max(1, len(self._groups)))
        out: list[Problem] = []
        for (kind, column), group in list(self._groups.items())[: self.groups_shown]:
            # A group one longer than the limit is printed in full: "and 1 more" takes the same line.
            cut = len(group) if len(group) <= limit + 1 else limit
            out += group[:cut]
            if more := len(group) - cut:
                last = group[-1]
                where = "" if last.row is None else f", the last in row {last.row}"
                found = f"… and {more} more of the same kind ({kind}){where}"
                out.append(Problem(found, last.allowed, last.remedy, file=self.source, column=column))
        if (left := len(self._groups) - self.groups_shown) > 0:
            found = f"… and {left} more kinds of problem in other columns"
            remedy = "put right what is listed above and read the file again"
            out.append(Problem(found, "an overlap table", remedy, file=self.source))
        return out

    def raise_if_any(self) -> None:
        """Raise every fault as one InputError."""
        if self._groups:
            raise InputError(self.problems())


def add_name_faults(
    faults: Faults, lists: Sequence[str], strata: Mapping[str, Sequence[str]], *, most: int = MAX_LISTS
) -> None:
    """Check the names of lists, dimensions and levels, and the size of the table that they span.

    Parameters
    ----------
    faults : Faults
        Receives what is found.
    lists : sequence of str
        Names of the lists.
    strata : mapping of str to sequence of str
        Dimensions and their levels.
    most : int
        Lists that there may be.
    """
    if len(lists) > most:
        faults.add(
            f"{len(lists)} lists", f"2 to {most} lists",
            "merge lists that are alike (merge) or leave some out (drop, select) before reading them in"
            + ("" if most > MAX_LISTS else f"; the method shrinkage reads up to {MOST_LISTS}"),
        )  # fmt: skip
    names = [*lists, *strata]
    for name in dict.fromkeys(x for x in names if names.count(x) > 1):
        faults.add("a name is used twice", "every list and covariate its own name", "rename one", value=name)
    for name in lists:
        bad = name.startswith("~") or any(x in name for x in NOT_IN_LIST_NAMES)
        if bad or not name.strip() or not name.isprintable():
            remedy = "rename the list; those characters have a meaning in the notation of models"
            faults.add("this cannot be the name of a list", _LIST_NAMES, remedy, value=name)
    for name in names:
        if name.casefold() == "count" or (name in strata and name in RESERVED):
            allowed = f"any name but {', '.join(RESERVED)}"
            faults.add("this name has a meaning of its own in a table", allowed, "rename it", value=name)
    for dim, levels in strata.items():
        if not levels or len(set(levels)) < len(levels):
            allowed = "at least one level, each once"
            faults.add("levels are missing or repeated", allowed, "list the levels once", column=dim)
    size = math.prod(len(x) for x in strata.values())
    if len(lists) <= MAX_LISTS and size * 2 ** len(lists) > MAX_CELLS:
        faults.add(
            f"{size:,} strata of {2 ** len(lists) - 1:,} histories each are too many cells",
            f"at most {MAX_CELLS:,} cells in all",
            "leave out covariates or lists, or put levels together (age classes, groups of countries)",
        )  # fmt: skip


def add_structure_faults(
    faults: Faults, lists: Sequence[str], anybody: Sequence[bool], overlap: bool, *, aside: str = "",
    most: int = MAX_LISTS,
) -> None:  # fmt: skip
    """Check that there are two lists, somebody on every one and somebody on two.

    Parameters
    ----------
    faults : Faults
        Receives what is found.
    lists : sequence of str
        Names of the lists.
    anybody : sequence of bool
        Whether there is, or may be, somebody on each list.
    overlap : bool
        Whether there is, or may be, somebody on more than one list.
    aside : str
        What to add where lists are too few.
    most : int
        Lists that there may be.
    """
    if len(lists) < 2:
        faults.add(
            f"{len(lists)} list{'' if len(lists) == 1 else 's'}{aside}", f"2 to {most} lists",
            "estimating from overlap takes at least two lists; for one register with repeated "
            "registrations there are the methods for repeat counts",
        )  # fmt: skip
    for name, some in zip(lists, anybody, strict=True):
        if not some:
            faults.add(
                "nobody is on this list", "lists with at least one person",
                "remove the list: it carries no information on the unseen", column=name,
            )  # fmt: skip
    if not overlap and any(anybody) and len(lists) > 1:
        faults.add(
            "the lists never overlap: nobody is on two of them", "at least one person on two lists",
            "check the linkage: without overlap nothing can be said about the unseen",
        )  # fmt: skip


def whole_counts(counts: npt.ArrayLike, source: str) -> npt.NDArray[np.int64]:
    """Return a fresh int64 copy of counts.

    Raises
    ------
    InputError
        When there is anything but whole numbers from 0 to MAX_COUNT, or they add up to more than that.
    """
    allowed, faults = f"whole numbers from 0 to {MAX_COUNT:,}", Faults(source)
    remedy = "give the number of persons in each cell"
    try:
        given = np.asarray(counts)
    except ValueError:  # rows of unequal length
        given = np.asarray(counts, dtype=object)
    if given.dtype.kind not in "iuf":
        faults.add("counts are not numbers", allowed, remedy, value=str(given.dtype))
        faults.raise_if_any()
    if given.dtype.kind == "f":
        bad = ~np.isfinite(given) | (given != np.round(given)) | (given < 0) | (given > MAX_COUNT)
    else:
        bad = (given < 0) | (given > MAX_COUNT)
    for value in given[bad]:
        if not np.isfinite(value) or value != np.round(value):
            kind = "a count is not a whole number"
        else:
            kind = "a count is negative" if value < 0 else "a count is too large"
        faults.add(kind, allowed, remedy, value=str(value))
    faults.raise_if_any()
    out = given.astype(np.int64)
    if out.sum() > MAX_COUNT:
        faults.add(f"the counts add up to {out.sum():,}", f"a total up to {MAX_COUNT:,}", remedy)
        faults.raise_if_any()
    return out


def membership(n_lists: int) -> npt.NDArray[np.bool_]:
    """Return who is on what: shape (2**K - 1, K), row h - 1 for history h."""
    return _membership(n_lists).copy()


@lru_cache(maxsize=16)
def _membership(n_lists: int) -> npt.NDArray[np.bool_]:
    on: npt.NDArray[np.bool_] = (np.arange(1, 2**n_lists)[:, None] >> np.arange(n_lists)) & 1 == 1
    return on


def add_content_faults(
    faults: Faults,
    lists: Sequence[str],
    counts: npt.NDArray[np.int64],
    observable: npt.NDArray[np.bool_],
    absent: npt.NDArray[np.bool_],
) -> None:
    """Check the arrays of a table against each other; shapes as in `CaptureTable`."""
    on = membership(len(lists))
    total = counts.sum(axis=0)
    blind = int(counts[~observable].sum())
    if blind:
        faults.add(
            "persons stand in a cell that is marked as unobservable", "a count of 0 there",
            "mark the cell as observable, or find out how they came to be on a list that cannot see them",
            value=f"{blind} persons",
        )  # fmt: skip
    for j, name in enumerate(lists if absent.any() else ()):
        on_absent = int(counts[np.ix_(absent[:, j], on[:, j])].sum())
        if on_absent:
            faults.add(
                "persons are on a list in a stratum where it is marked as absent", "a count of 0 there",
                "mark the list as present there, or correct the counts",
                column=name, value=f"{on_absent} persons",
            )  # fmt: skip
    add_structure_faults(
        faults, lists, [bool(total[on[:, j]].any()) for j in range(len(lists))],
        bool(total[on.sum(axis=1) > 1].any()),
    )  # fmt: skip
