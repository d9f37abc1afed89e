"""The number that is stated of a part of the total, and the truth where somebody made it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.kernels.arrays import Array

if TYPE_CHECKING:
    from mse.answers.results import Results
    from mse.answers.strata import StrataDraws


def margin_points(margin: StrataDraws, credible: bool) -> Array:
    """Return the number that is stated of every part of a margin, persons.

    Of a posterior it is the median of the draws: the middles of the parts do not add up to the middle of their sum. Of
    a sampling distribution it is the estimate itself, which adds up.
    """
    return np.median(margin.draws, axis=0) if credible else margin.point


def truth_of(results: Results, dim: str, levels: Sequence[str]) -> list[float] | None:
    """Return the true numbers of a simulated population by level of a dimension; None where nobody knows them."""
    frame = results.tables.get("truth")
    if frame is None or dim not in frame.columns or "truth" not in frame.columns:
        return None
    sums = frame.groupby(frame[dim].astype(str))["truth"].sum()
    return [float(sums[level]) for level in levels] if set(levels) <= set(sums.index) else None
