"""Data frames made where one is asked for: pandas takes longer to load than an answer does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Rows:
    """A table by rows.

    Parameters
    ----------
    records : sequence of mapping
        Each with the same columns in the same order.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self.records = tuple(records)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as a data frame."""
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self.records])


class LaterFrames(Mapping[str, "pd.DataFrame"]):
    """Tables by name, of which some are made when they are first looked at.

    Parameters
    ----------
    made : mapping of str to DataFrame
        What is there.
    later : mapping of str to callable
        Makes the others; they come last.
    """

    def __init__(self, made: Mapping[str, pd.DataFrame], later: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
        self._made, self._later = dict(made), dict(later)

    def after(self, made: Mapping[str, pd.DataFrame]) -> LaterFrames:
        """Return these tables behind others."""
        return LaterFrames({**made, **self._made}, self._later)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table."""
        if name not in self._made and name in self._later:
            self._made[name] = self._later[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a table, without making it."""
        return name in self._made or name in self._later

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter({**self._made, **self._later})

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len({**self._made, **self._later})
