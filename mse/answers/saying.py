"""What an estimator says of its answer, and what it asks of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mse.words.said import Said, said

MEDIAN = said("kind.posterior")
"""What the point of a posterior is unless its method says otherwise."""


class Counted(Protocol):
    """What a table of any kind knows of itself."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def digest(self) -> str:
        """Its content."""

    @property
    def observed(self) -> int:
        """Persons in it."""


@dataclass(frozen=True, slots=True)
class Says:
    """What an estimator says of its answer; fields as in `Posterior`."""

    inside: tuple[Said, ...]
    outside: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    citations: tuple[str, ...]
    notes: tuple[Said, ...] = ()
    point_kind: Said = MEDIAN
