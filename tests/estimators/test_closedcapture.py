"""Mh, Mth and Mb for lists: Rcapture's numbers, identities, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from mse.errors import ModelError
from mse.estimators.simple.closedcapture import MbSpec, MhSpec, MthSpec, estimate
from mse.estimators.simple.closedcapture import heterogeneous as fitted
from mse.methods import METHODS
from mse.methods import estimate as judged
from mse.shipped import load_table
from mse.tables.captures import CaptureTable

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "rcapture-closed.json").read_text(encoding="utf-8"))
RATES = {"Poisson2": "poisson", "Darroch": "darroch", "Gamma3.5": "gamma"}
ROWS = [(table, row) for table, rows in GOLDEN["tables"].items() for row in rows]


def spec_of(model: str) -> MhSpec | MthSpec | MbSpec:
    """Return our options for a model by its name in Rcapture."""
    if model in ("Mb", "Mbh"):
        return MbSpec(first_apart=model == "Mbh")
    kind, _, law = model.partition(" ")
    spec = MthSpec if kind in ("Mt", "Mth") else MhSpec
    return spec(rates=RATES[law] if law else "none")


@pytest.mark.parametrize(("table", "row"), ROWS, ids=lambda x: x if isinstance(x, str) else x["model"])
def test_estimates_errors_and_deviances_of_rcapture(table: str, row: dict[str, float | str]) -> None:
    found = estimate(load_table(table).collapse(), spec_of(str(row["model"])), seed=1)
    assert found.point == pytest.approx(row["abundance"], rel=1e-4)
    assert found.diagnostics["deviance"] == pytest.approx(row["deviance"], abs=0.01)
    assert found.diagnostics["df"] == row["df"]
    if row["model"] != "Mbh":  # theirs counts the chance of the first list too
        assert found.diagnostics["se"] == pytest.approx(row["stderr"], rel=1e-2)


def test_mt_is_the_independence_model_and_mh_does_not_depend_on_the_order_of_lists() -> None:
    table = load_table("kosovo-1999-4")
    assert estimate(table, MthSpec("none"), seed=1).point == pytest.approx(
        judged(table, "independence").point, rel=1e-9
    )
    counts, _ = table.dense()
    codes = np.arange(counts.size)
    turned = np.zeros_like(counts)
    turned[((codes << 1) & 15) | (codes >> 3)] = counts
    one, two = (fitted(x.astype(float), 4, "darroch", lists_differ=False) for x in (counts, turned))
    assert one.unseen == pytest.approx(two.unseen, rel=1e-9)


def test_what_has_no_estimate_is_refused_in_both_languages() -> None:
    rising = CaptureTable.from_arrays(["A", "B", "C"], [5, 20, 4, 60, 0, 0, 0])
    with pytest.raises(ModelError, match="do not become fewer") as error:
        judged(rising, "mb")
    assert "wordt van lijst tot lijst niet minder" in error.value.in_words("nl")
    with pytest.raises(ModelError, match="no estimate"):
        judged(load_table("artificial-3"), "mh")
    two = CaptureTable.from_arrays(["A", "B"], [50, 40, 10])
    with pytest.raises(ModelError):
        judged(two, "mth")


def test_they_are_run_when_named_and_judged_with_caution() -> None:
    assert not any(METHODS[name].compared(4, False) for name in ("mh", "mth", "mb"))
    verdict = judged(load_table("kosovo-1999-4"), "mth").verdict
    assert verdict is not None and "dependence" in [reason.code for reason in verdict.reasons]
