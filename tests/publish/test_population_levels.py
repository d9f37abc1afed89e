"""A population file meets the labels that people have, not those that stand for a label that is missing."""

import numpy as np
import pandas as pd

from mse.publish.auditrecord import read_files
from mse.tables.captures import CaptureTable

COUNTS = np.tile([30, 20, 9, 25, 8, 7, 3], (3, 1))


def test_a_population_need_not_hold_who_is_not_known(tmp_path):
    table = CaptureTable.from_arrays("ABC", COUNTS, strata={"sex": ["f", "m", "not known"]})
    path = tmp_path / "population.xlsx"
    pd.DataFrame({"sex": ["f", "m"], "population": [500.0, 450.0]}).to_excel(path, index=False)
    found, problems = read_files(table, 0.95, population=path)
    assert problems == [] and found["population"]["population"].sum() == 950
    other = CaptureTable.from_arrays("ABC", COUNTS, strata={"sex": ["f", "m", "x"]})
    (problem,) = read_files(other, 0.95, population=path)[1]
    assert problem.value == "x"
