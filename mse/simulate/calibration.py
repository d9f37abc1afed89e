"""The simulated nation held against what was published on the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mse.simulate.lists import draw_captures, solve
from mse.simulate.spec import SimulateSpec
from mse.simulate.victims import draw_population

if TYPE_CHECKING:
    import pandas as pd

REGISTERED = {2016: 952, 2017: 958, 2018: 668, 2019: 1334, 2020: 984, 2021: 791}
"""Victims registered in the Netherlands by year, as the rapporteur published them."""
REPORTERS = {(2019, "P"): 952, (2019, "R"): 252, (2019, "I"): 46, (2019, "K"): 10}
"""Victims by reporter, in the one year for which the reporters were published."""
OUTSIDE = {2016: 550, 2017: 550, 2020: 150, 2021: 150}
"""About so many reports a year came from outside law enforcement, before and since consent is required. The regional
coordinators alone reported 252 in 2019, so the lower figure cannot hold for that year, and it is left out."""
OUTSIDE_LISTS = ("R", "O", "Z")
ALL, REPORTS = "all registers", "reports from outside law enforcement"


def calibration_table(spec: SimulateSpec, *, seed: int) -> pd.DataFrame:
    """Return published, expected and simulated registrations side by side.

    Parameters
    ----------
    spec : SimulateSpec
        The nation; figures that name a register which it does not have are left out.
    seed : int
        Of the one nation that is drawn.

    Returns
    -------
    DataFrame
        Columns ``year``, ``reporter`` (a register; all of them: persons on any; or the reports of those outside law
        enforcement: persons added over them), ``published`` (NA where nothing was, and always after 2021, where the
        simulation extrapolates), ``expected`` (over all seeds), ``simulated`` (this seed), ``ratio`` (expected to
        published).
    """
    import pandas as pd

    expected = solve(spec)
    population = draw_population(spec, seed)
    on = draw_captures(spec, population, seed).on
    year = population.codes["year"]
    outside = [spec.lists.index(name) for name in OUTSIDE_LISTS if name in spec.lists]
    rows: list[tuple[int, str, int | None, float, int]] = []
    for i, calendar in enumerate(spec.years):
        here = on[year == i]
        rows.append((calendar, ALL, REGISTERED.get(calendar), expected.registered[i], int(here.any(axis=1).sum())))
        for j, name in enumerate(spec.lists):
            published = REPORTERS.get((calendar, name))
            rows.append((calendar, name, published, expected.on_list[i, j], int(here[:, j].sum())))
        if len(outside) == len(OUTSIDE_LISTS):
            of_all = float(expected.on_list[i, outside].sum())
            rows.append((calendar, REPORTS, OUTSIDE.get(calendar), of_all, int(here[:, outside].sum())))
    frame = pd.DataFrame(rows, columns=["year", "reporter", "published", "expected", "simulated"])
    frame["published"] = frame["published"].astype("Int64")
    frame["expected"] = frame["expected"].round(1)
    ratio = frame["expected"].to_numpy() / frame["published"].to_numpy(dtype=float, na_value=np.nan)
    frame["ratio"] = ratio.round(3)
    return frame
