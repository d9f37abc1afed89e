"""What makes an overlap table sound, whether it comes from a file, a frame or arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mse.errors import InputError, Problem
from mse.kernels.arrays import Flags, Integers
from mse.words.said import Said, said

MAX_LISTS = 16
MOST_LISTS = 62
"""Lists that fit a history in a signed 64-bit integer with a bit to spare."""
MAX_COUNT = 10**9
MAX_CELLS = 2**25
NOT_IN_LIST_NAMES = "*+,:[]"
RESERVED = ("count", "history", "list", "observable", "absent", "on_list")

_LIST_NAMES = said("allowed.text_one_line_without", not_in_list_names=" ".join(NOT_IN_LIST_NAMES))


class Faults:
    """The problems of one source, gathered by kind and column so that a bad column does not flood the reader.

    Parameters
    ----------
    source : str or Said
        File or frame, as the messages name it.
    private : bool
        Rows are persons: the values of cells are left out of every message.
    """

    shown = 20
    groups_shown = 20

    def __init__(self, source: str | Said, *, private: bool = False) -> None:
        self.source = source
        self.private = private
        self.unreadable: set[int] = set()
        """Rows in which bytes could not be decoded; what stands there as anything but ASCII is a guess."""
        self._groups: dict[tuple[Said, str | None], list[Problem]] = {}

    def add(
        self, kind: Said, allowed: Said, remedy: Said, *, detail: Said | str = "", row: int | None = None,
        column: str | None = None, value: str | Said | None = None,
    ) -> None:  # fmt: skip
        """Record one fault; `detail` follows a `kind` in words in the message and is not part of the grouping."""
        if row in self.unreadable and isinstance(value, str) and not value.isascii():
            return  # it follows from the damage
        shown = None if self.private and row is not None else value
        found = said("found.in_detail", what=kind, detail=detail) if detail else kind
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
                where = "" if last.row is None else said("found.last_in_row", row=str(last.row))
                found = said("found.more_same_kind", more=more, kind=kind, where=where)
                out.append(Problem(found, last.allowed, last.remedy, file=self.source, column=column))
        if (left := len(self._groups) - self.groups_shown) > 0:
            found = said("found.more_kinds_problem_other", left=left)
            remedy = said("do.put_right_what_listed")
            out.append(Problem(found, said("allowed.overlap_table"), remedy, file=self.source))
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
            said("found.lists", lists=len(lists)), said("allowed.n2_lists", most=most),
            said("do.merge_before") if most > MAX_LISTS else said("do.merge_before_or_shrink", most=MOST_LISTS),
        )  # fmt: skip
    names = [*lists, *strata]
    for name in dict.fromkeys(x for x in names if names.count(x) > 1):
        faults.add(
            said("found.name_used_twice"), said("allowed.every_list_covariate_its"), said("do.rename_one"), value=name
        )
    for name in lists:
        bad = name.startswith("~") or any(x in name for x in NOT_IN_LIST_NAMES)
        if bad or not name.strip() or not name.isprintable():
            remedy = said("do.rename_list_those_characters")
            faults.add(said("found.cannot_name_list"), _LIST_NAMES, remedy, value=name)
    for name in names:
        if name.casefold() == "count" or (name in strata and name in RESERVED):
            allowed = said("allowed.any_name_but", reserved=(*RESERVED,))
            faults.add(said("found.name_has_meaning_its"), allowed, said("do.rename"), value=name)
    for dim, levels in strata.items():
        if not levels or len(set(levels)) < len(levels):
            allowed = said("allowed.least_one_level_each")
            faults.add(said("found.levels_missing_repeated"), allowed, said("do.list_levels_once"), column=dim)
    size = math.prod(len(x) for x in strata.values())
    if len(lists) <= MAX_LISTS and size * 2 ** len(lists) > MAX_CELLS:
        faults.add(
            said("found.strata_histories_each_too", size=size, what=2 ** len(lists) - 1),
            said("allowed.most_cells_all", max_cells=MAX_CELLS),
            said("do.leave_out_covariates_lists"),
        )  # fmt: skip


def add_structure_faults(
    faults: Faults, lists: Sequence[str], anybody: Sequence[bool], overlap: bool, *, aside: Said | None = None,
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
    aside : Said, optional
        What to add where lists are too few.
    most : int
        Lists that there may be.
    """
    if len(lists) < 2:
        count = said("found.one_list") if len(lists) == 1 else said("found.lists", lists=len(lists))
        faults.add(
            said("found.too_few_lists", lists=count, aside=aside or ""),
            said("allowed.n2_lists", most=most),
            said("do.lists_in_words") if aside else said("do.estimating_overlap_takes_least"),
        )  # fmt: skip
    for name, some in zip(lists, anybody, strict=True):
        if not some:
            faults.add(
                said("found.nobody_list"), said("allowed.lists_least_one_person"),
                said("do.remove_list_carries_no"), column=name,
            )  # fmt: skip
    if not overlap and any(anybody) and len(lists) > 1:
        faults.add(
            said("found.lists_never_overlap_nobody"), said("allowed.least_one_person_two"),
            said("do.check_linkage_without_overlap"),
        )  # fmt: skip


def whole_counts(counts: npt.ArrayLike, source: str | Said) -> Integers:
    """Return a fresh int64 copy of counts.

    Raises
    ------
    InputError
        When there is anything but whole numbers from 0 to MAX_COUNT, or they add up to more than that.
    """
    allowed, faults = said("allowed.whole_numbers_0", max_count=MAX_COUNT), Faults(source)
    remedy = said("do.give_number_persons_each")
    try:
        given = np.asarray(counts)
    except ValueError:  # rows of unequal length
        given = np.asarray(counts, dtype=object)
    if given.dtype.kind not in "iuf":
        faults.add(said("found.counts_not_numbers"), allowed, remedy, value=str(given.dtype))
        faults.raise_if_any()
    if given.dtype.kind == "f":
        bad = ~np.isfinite(given) | (given != np.round(given)) | (given < 0) | (given > MAX_COUNT)
    else:
        bad = (given < 0) | (given > MAX_COUNT)
    for value in given[bad]:
        if not np.isfinite(value) or value != np.round(value):
            kind = said("found.count_not_whole_number")
        else:
            kind = said("found.count_negative") if value < 0 else said("found.count_too_large")
        faults.add(kind, allowed, remedy, value=str(value))
    faults.raise_if_any()
    out = given.astype(np.int64)
    if out.sum() > MAX_COUNT:
        faults.add(said("found.counts_add_up", sum=out.sum()), said("allowed.total_up", max_count=MAX_COUNT), remedy)
        faults.raise_if_any()
    return out


def membership(n_lists: int) -> Flags:
    """Return who is on what: shape (2**K - 1, K), row h - 1 for history h."""
    return _membership(n_lists).copy()


@lru_cache(maxsize=16)
def _membership(n_lists: int) -> Flags:
    on: Flags = (np.arange(1, 2**n_lists)[:, None] >> np.arange(n_lists)) & 1 == 1
    return on


def add_content_faults(
    faults: Faults,
    lists: Sequence[str],
    counts: Integers,
    observable: Flags,
    absent: Flags,
) -> None:
    """Check the arrays of a table against each other; shapes as in `CaptureTable`."""
    on = membership(len(lists))
    total = counts.sum(axis=0)
    blind = int(counts[~observable].sum())
    if blind:
        faults.add(
            said("found.persons_stand_cell_marked"), said("allowed.count_0"),
            said("do.mark_cell_observable_find"),
            value=said("what.persons", count=blind),
        )  # fmt: skip
    for j, name in enumerate(lists if absent.any() else ()):
        on_absent = int(counts[np.ix_(absent[:, j], on[:, j])].sum())
        if on_absent:
            faults.add(
                said("found.persons_list_stratum_where"), said("allowed.count_0"),
                said("do.mark_list_present_correct"),
                column=name, value=said("what.persons", count=on_absent),
            )  # fmt: skip
    add_structure_faults(
        faults, lists, [bool(total[on[:, j]].any()) for j in range(len(lists))],
        bool(total[on.sum(axis=1) > 1].any()),
    )  # fmt: skip
