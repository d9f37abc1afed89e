"""Disclosure control: its rules, and a table of counts that may leave the house.

Raw counts live in a `CountTable`, which never leaves; `mse.publish.disclosure.protecting` turns it into a `SafeTable`,
the only form of a table of counts that pages, files and releases are given. Estimates are computed on raw counts,
before any of this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Literal

from mse.errors import ModelError, Problem
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

    from mse.publish.disclosure.counts import Place

Method = Literal["suppress", "controlled", "random"]
Zeros = Literal["publish", "suppress"]
Base = Literal[3, 5]
Status = Literal["published", "rounded", "suppressed", "structural zero"]


@dataclass(frozen=True, slots=True)
class DisclosureRules:
    """What of a table of counts may leave the house.

    Parameters
    ----------
    method : {"suppress", "controlled", "random"}
        Leave small counts out, and as many others as keep them from being worked out; round every count to a multiple
        of `base` so that rows and columns still add up; or round every count by lot, without bias.
    threshold : int
        Counts from 1 to one less are small. Of a small count that is left out, anybody who knows everything that is
        published can only work out a range that contains 0 to `threshold`; of any other that is left out, a range
        at least `threshold` wide.
    percent : float
        The range of every count that is left out reaches at least so many percent to either side of it, too.
    zeros : {"publish", "suppress"}
        Whether nobody was seen where somebody could have been may be published. What nobody could have seen
        (structural zeros) is always marked as such.
    base : int
        What is rounded to: 3 or 5.
    """

    method: Method = "suppress"
    threshold: Annotated[int, Between(2, 1_000_000)] = 10
    percent: Annotated[float, Between(0, 100)] = 0.0
    zeros: Zeros = "publish"
    base: Base = 3

    def __post_init__(self) -> None:
        """Check every option."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class Disclosure(DisclosureRules):
    """Rules of disclosure control, with the key of the lot.

    Parameters
    ----------
    secret : str
        Key of the lot, drawn when none is given. Whoever has it learns more of the counts than a rounded one says: it
        stays in the audit record.

    Raises
    ------
    ModelError
        With every option that is out of range.
    """

    secret: str = field(default="", repr=False, metadata={"key": False})

    def __post_init__(self) -> None:
        """Check every option, and draw a key where one is needed."""
        check_spec(self)
        if not self.secret and self.method != "suppress":
            object.__setattr__(self, "secret", token_hex(32))

    def in_words(self) -> Said:
        """Return the rule as a sentence that may stand under the table."""
        if self.method == "suppress":
            zeros = said("disclosure.zeros") if self.zeros == "suppress" else said("disclosure.nothing")
            side = said("disclosure.side", percent=self.percent) if self.percent else said("disclosure.nothing")
            values = {"most": self.threshold - 1, "threshold": self.threshold, "zeros": zeros, "side": side}
            return said("disclosure.suppress", **values)
        if self.method == "controlled":
            return said("disclosure.controlled", base=self.base)
        return said("disclosure.random", base=self.base)


@dataclass(frozen=True, slots=True)
class SafeCell:
    """One count as it may be published.

    Parameters
    ----------
    place : tuple of str or None
        Level or group by dimension; None where it is summed over.
    count : int or None
        None when it is left out.
    status : str
        ``"published"``, ``"rounded"``, ``"suppressed"`` or ``"structural zero"``.
    """

    place: Place
    count: int | None
    status: Status


@dataclass(frozen=True, slots=True)
class SafeTable:
    """A table of counts after disclosure control: all that leaves the house. Made by `protect`.

    Parameters
    ----------
    dimensions : tuple of str
        Dimensions, as the places of the cells give them.
    cells : tuple of SafeCell
        Every published cell, margins included.
    rule : Said
        What was done, as a sentence.
    deviation : int
        The most that a rounded count may be off; 0 when counts are left out instead.
    """

    dimensions: tuple[str, ...]
    cells: tuple[SafeCell, ...]
    rule: Said
    deviation: int = 0

    def to_pandas(self, total: str = "total") -> pd.DataFrame:
        """Return one row per cell: dimensions (`total` where summed over), ``count`` (missing if not), ``status``."""
        import pandas as pd

        rows = [[total if x is None else x for x in cell.place] for cell in self.cells]
        frame = pd.DataFrame(rows, columns=list(self.dimensions), dtype="str", index=range(len(rows)))
        frame["count"] = pd.array([cell.count for cell in self.cells], dtype="Int64")
        frame["status"] = [cell.status for cell in self.cells]
        return frame

    def at(self, **levels: str) -> SafeCell:
        """Return the cell at some levels, summed over the dimensions that are not named.

        Raises
        ------
        ModelError
            When that cell is not among those that are published.
        """
        place = tuple(levels.get(dim) for dim in self.dimensions)
        found = next((cell for cell in self.cells if cell.place == place), None)
        unknown = [dim for dim in levels if dim not in self.dimensions]
        if found is None or unknown:
            asked = ", ".join(f"{dim} = {level}" for dim, level in levels.items()) or "the total"
            raise ModelError(
                Problem(said("found.no_such_cell_published"), said("allowed.levels", dimensions=(*self.dimensions,)),
                        said("do.correct_levels_publish_margin"), value=asked)
            )  # fmt: skip
        return found
