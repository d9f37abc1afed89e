"""What a probabilistic linkage has to show: its match weights as a figure, and what the threshold does to the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mse.intake.linkage.linking import components
from mse.intake.linkage.pairmodel import SURE, Level, PairModel
from mse.intake.svg import ACCENT, AGAINST, FAINT, INK, box, drawing, line, words
from mse.kernels.arrays import Integers

if TYPE_CHECKING:
    import pandas as pd


THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True, eq=False)
class LinkageReport:
    """How registrations were linked by probability.

    Parameters
    ----------
    thresholds : DataFrame
        See `threshold_table`.
    chart : str
        Match weights, an SVG element.
    settings : str
        The trained model with all its settings, JSON as Splink reads it.
    share : float
        Share of matches among all pairs of registrations.
    pairs : int
        Pairs with different pseudonyms that may be one person (match probability of 0.001 or more).
    expected : float
        The sum of their match probabilities: links that exact linkage misses.
    """

    thresholds: pd.DataFrame
    chart: str
    settings: str
    share: float
    pairs: int
    expected: float


def link_at(model: PairModel, threshold: float) -> Integers:
    """Return the person of every registration, shape (R,): what pairs of this match probability or more connect."""
    linked = model.log_odds >= min(_log_odds(threshold), SURE)
    return components(model.records, model.left[linked], model.right[linked])


def make_report(model: PairModel, place: Integers, threshold: float) -> LinkageReport:
    """Return what there is to show.

    Parameters
    ----------
    model : PairModel
        The trained model.
    place : int64 array, shape (R,)
        Place of the list of every registration.
    threshold : float
        The match probability that was used; it is in the table too.
    """
    unsure = model.log_odds < SURE
    expected = float(model.probability[unsure].sum())
    return LinkageReport(
        threshold_table(model, place, threshold), weight_chart(model.levels), model.settings, model.share,
        int(unsure.sum()), expected,
    )  # fmt: skip


def threshold_table(model: PairModel, place: Integers, threshold: float) -> pd.DataFrame:
    """Return what becomes of the persons under other thresholds.

    Parameters
    ----------
    model, place, threshold
        As in `make_report`.

    Returns
    -------
    DataFrame
        threshold (missing for exact linkage); persons; links (pairs of registrations of one person); overlaps
        (persons on two lists or more); chao (Chao's lower bound on all persons of the period, strata apart); ratio
        (chao over persons); used (whether it is the threshold of the linkage).
    """
    import pandas as pd

    rows = []
    for value in (None, *sorted({*THRESHOLDS, threshold})):
        person = link_at(model, 1.0 if value is None else value)
        size = np.bincount(person)
        pairs = np.unique(person * np.int64(64) + place)
        on = np.bincount(pairs // 64)
        once, twice, several = int((on == 1).sum()), int((on == 2).sum()), int((on > 1).sum())
        persons = int((size > 0).sum())
        # Chao (1987) with the correction for no overlap
        chao = persons + (once**2 / (2.0 * twice) if twice else once * (once - 1) / 2.0)
        rows.append(
            {"threshold": math.nan if value is None else value, "persons": persons,
             "links": int((size.astype(np.int64) * (size - 1)).sum() // 2), "overlaps": several, "chao": chao,
             "ratio": chao / persons, "used": value == threshold}
        )  # fmt: skip
    return pd.DataFrame(rows)


def weight_chart(levels: Sequence[Level]) -> str:
    """Return the match weight of every level as bars, log2 of how much more often matches are on it: an SVG element."""
    pitch, top, left, width = 18.0, 46.0, 330.0, 720.0
    most = max(4.0, *(abs(level.weight) for level in levels))
    middle, scale = left + (width - left - 60) / 2, (width - left - 130) / 2 / most
    parts, y, before = [], top, ""
    for level in levels:
        if level.comparison != before:
            y += 10
            parts.append(words(0, y + 12, level.comparison, bold=True))
            before = level.comparison
        length = level.weight * scale
        parts.append(words(left - 10, y + 12, _plain(level.level), size=11, at="end", colour=FAINT))
        parts.append(
            box(min(middle, middle + length), y + 2, abs(length), pitch - 5, ACCENT if length > 0 else AGAINST)
        )
        beside = 4 if length >= 0 else -4
        text = f"{level.weight:+.1f}".replace("-", "−") if abs(level.weight) >= 0.05 else "0"
        parts.append(words(middle + length + beside, y + 12, text, size=11, at="start" if length >= 0 else "end"))
        y += pitch
    axis = line(middle, top, middle, y + 4, INK)
    head = [words(0, 14, "Match weights: log2 of how many times more often matches are on a level than other pairs"),
            words(middle - 8, 36, "against a match", size=11, at="end", colour=AGAINST),
            words(middle + 8, 36, "for a match", size=11, colour=ACCENT)]  # fmt: skip
    strongest = max(levels, key=lambda level: level.weight)
    weakest = min(levels, key=lambda level: level.weight)
    finding = (
        f"Match weights of {len(levels)} levels of agreement, from {strongest.weight:+.1f} ({strongest.comparison}: "
        f"{_plain(strongest.level)}) to {weakest.weight:+.1f} ({weakest.comparison}: {_plain(weakest.level)})."
    )
    return drawing(width, y + 8, finding, [*head, axis, *parts])


def _plain(level: str) -> str:
    """Return the name of a level without what only the machine needs."""
    return (
        level.replace("given_hash", "given name")
        .replace("_hash", "")
        .replace("birthdate", "birth date")
        .replace("_", " ")
    )


def _log_odds(probability: float) -> float:
    return math.inf if probability >= 1.0 else math.log(probability / (1.0 - probability))
