"""The table of SDG indicator 16.2.2: victims of trafficking per 100,000, detected and undetected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mse.answers.strata import ALL
from mse.publish.indicators.basis import margins_of, read_basis
from mse.publish.indicators.partnumbers import Part

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.results import Results


def sdg_table(results: Results, parts: Sequence[Part] | None = None) -> pd.DataFrame | None:
    """Return SDG 16.2.2: victims per 100,000, detected and undetected, by sex, age and form; None without strata.

    Parameters
    ----------
    results : Results
        The audit record.
    parts : sequence of Part, optional
        The whole and its margins, when not unrounded as the audit record has them.

    Returns
    -------
    DataFrame
        ``year``, ``sex``, ``age``, ``form`` ("all" where summed over), ``detected``, ``undetected``, ``low``,
        ``high`` (of the undetected), ``total``, ``per_100k``, ``per_100k_low``, ``per_100k_high``,
        ``detected_per_100k``, ``prob``, ``status``, ``verdict`` (of the estimate). Rows: all, then by sex, by age and
        by form, per year where the strata have years. Rates have the population of that sex and age as their base; by
        form, which a population does not have, the whole.
    """
    import pandas as pd

    basis = read_basis(results)
    if basis.strata is None:
        return None
    called = results.record.job.publish.sdg
    named = {want: called.get(want) or want for want in ("sex", "age", "form")}
    dims = {want: dim for want, dim in named.items() if dim in basis.dims}
    rows = []
    for part in margins_of(results, basis) if parts is None else parts:
        inner = {dim for dim in part.levels if dim != basis.time}
        timeless = basis.time and basis.time not in part.levels
        if not part.possible or timeless or len(inner) > 1 or not inner <= set(dims.values()):
            continue
        year = part.levels[basis.time] if basis.time else basis.period
        levels = [part.levels.get(dims[want], ALL) if want in dims else ALL for want in ("sex", "age", "form")]
        seen = math.nan if part.observed is None else part.observed
        rates = [math.nan] * 3 if part.rate is None else part.rate[:3]
        rows.append([year, *levels, seen, *part.hidden[:3], part.size.point, *rates, part.seen_rate, basis.prob,
                     part.status, part.verdict])  # fmt: skip
    columns = ["year", "sex", "age", "form", "detected", "undetected", "low", "high", "total", "per_100k",
               "per_100k_low", "per_100k_high", "detected_per_100k", "prob", "status", "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
