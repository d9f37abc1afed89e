"""What earlier releases published of registered persons, as the record of a run keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str | None, ...]
"""A level of every dimension, None where a count is summed over it."""


@dataclass(frozen=True, slots=True)
class OldCell:
    """One count of an earlier release: its place, the fewest and most persons, and the count itself if rounded."""

    place: Place
    low: float
    high: float
    rounded: int | None


@dataclass(frozen=True, slots=True)
class OldTable:
    """A table of counts as an earlier release published it.

    Parameters
    ----------
    dimensions : tuple of (str, tuple of str)
        Its dimensions and their levels.
    cells : tuple of OldCell
        Every cell, margins included.
    time : str or None
        The dimension that is time.
    years : tuple of str
        Years that the counts are about; empty where nothing says so.
    groups : tuple of (str, str, tuple of str)
        Dimension and name of levels that stand together in a place, and these levels.
    open : tuple of str
        Dimensions that have more levels than are named.
    persons : str
        Who is counted, in small letters; nothing where it is whoever is registered.
    """

    dimensions: tuple[tuple[str, tuple[str, ...]], ...]
    cells: tuple[OldCell, ...]
    time: str | None
    years: tuple[str, ...]
    groups: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    open: tuple[str, ...] = ()
    persons: str = ""


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """An earlier release that a result is protected together with.

    Parameters
    ----------
    release, title, digest : str
        Name of its folder, its title, and the digest of its figures.
    years : tuple of str
        Years that it is about.
    counts, lists : OldTable or None
        Registered persons by stratum, or in all; persons on each list and each two.
    chain : mapping of str to int or None
        Counts by step of the chain, None for one that was left out.
    number, date : int and str or None
        Of the release; 1 and None where it says nothing.
    series : tuple of tuple of str
        Its table of vintages, row by row: what it and those before it published by year.
    after : str or None
        Digest of the release that it followed in its series.
    """

    release: str
    title: str
    digest: str
    years: tuple[str, ...] = ()
    counts: OldTable | None = None
    lists: OldTable | None = None
    chain: Mapping[str, int | None] = field(default_factory=dict)
    number: int = 1
    date: str | None = None
    series: tuple[tuple[str, ...], ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Vintage:
    """Which release of a series a result is: its number from 1, its day, and the digest of the one that it follows."""

    number: int = 1
    date: str | None = None
    after: str | None = None
