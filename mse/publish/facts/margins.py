"""The number that is stated of a part of the total."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mse.answers.strata import StrataDraws


def margin_points(margin: StrataDraws, credible: bool) -> npt.NDArray[np.float64]:
    """Return the number that is stated of every part of a margin, persons.

    Of a posterior it is the median of the draws: the middles of the parts do not add up to the middle of their sum. Of
    a sampling distribution it is the estimate itself, which adds up.
    """
    return np.median(margin.draws, axis=0) if credible else margin.point
