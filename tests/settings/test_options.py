"""Options of estimators: what has a wrong type is told at once, whatever the estimator."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Literal, get_type_hints

import numpy as np
import pytest

import mse
from mse.errors import ModelError
from mse.estimators.single.selection import rank_models
from mse.estimators.stratified.dutch import DutchSpec
from mse.estimators.stratified.strataaverage import StrataAverageSpec
from mse.estimators.stratified.withcovariates import CovariatesSpec
from mse.methods import METHODS
from mse.settings.specchecks import check_spec, check_value
from mse.settings.specfields import Criterion, Draws, Order, Seed

type Share = float

SPECS = [getattr(import_module(f"mse.estimators.{x.module}"), x.spec) for x in METHODS.values()]
SPECS += [CovariatesSpec, DutchSpec, StrataAverageSpec]


@dataclass(frozen=True, slots=True)
class Every:
    number: float = 1.0
    whole: int | None = None
    yes: bool = False
    word: Literal["a", "b"] = "a"
    text: str = ""
    pair: tuple[str, str] | None = None
    many: tuple[int, ...] = ()
    grid: float | Mapping[float, float] = 1.0
    share: Share = 0.5
    other: Mapping[str, object] | None = None


GOOD = {
    "number": [1, 0.5, np.float32(2), np.int64(3)], "whole": [2, None, np.int64(3)], "yes": [True], "word": ["b"],
    "text": ["x"], "pair": [None, ("A", "B"), ["A", "B"]], "many": [(), (1,), [1, 2, 3]], "grid": [{0.5: 1}, {}, 2],
    "share": [0.1], "other": [{"x": object()}],
}  # fmt: skip
BAD = {
    "number": [True, "1", None, [1], 1j, np.bool_(True)], "whole": [2.5, True, "2", 2.0], "yes": ["no", 0, None],
    "word": [1, None], "text": [12, None], "pair": ["AB", ("A",), ("A", 2), 5], "many": [3, (1.5,), (True,)],
    "grid": [{"a": 1}, {1.0: "x"}, {1.0: True}, "x", True], "share": ["x", True],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_right_types_pass(name, value):
    check_spec(Every(**{name: value}))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_wrong_types_are_told(name, value):
    with pytest.raises(ModelError, match=f"option {name} has a wrong type, {type(value).__name__}"):
        check_spec(Every(**{name: value}))


def test_all_wrong_types_at_once():
    with pytest.raises(ModelError) as caught:
        check_spec(Every(**{name: values[0] for name, values in BAD.items()}))
    assert len(caught.value.problems) == len(BAD)
    assert all(p.value is not None and p.allowed and p.remedy for p in caught.value.problems)


@pytest.mark.parametrize("spec", SPECS)
def test_every_estimator_tells_every_option_of_a_wrong_type(spec):
    declared = get_type_hints(spec)
    simple = [f.name for f in fields(spec) if not str(declared[f.name]).count("Mapping") and f.name != "learner"]
    with pytest.raises(ModelError) as caught:
        spec(**{name: 1j for name in simple})
    assert len(caught.value.problems) == len(simple)


def test_the_checks_of_values_take_anything():
    for kind, good, bad in (
        (Draws, [4, np.int64(9)], [3, 10.5, True, "12", None]),
        (Order | None, [None, 1, 2], [0, 2.5, "2", True]),
        (Criterion, ["aic", "bic", "bic_cells"], ["dic", None, 3]),
        (Seed, [0, np.int64(3), 2**70], [-1, 1.5, None, True, "1"]),
    ):
        for value in good:
            check_value("it", value, kind)
        for value in bad:
            with pytest.raises(ModelError, match="it"):
                check_value("it", value, kind)


def test_rank_models_takes_whole_orders_only():
    table = mse.load_table("kosovo-1999-4")
    for order in ("2", 2.5, True, 0):
        with pytest.raises(ModelError, match="max_order"):
            rank_models(table, max_order=order)
    with pytest.raises(ModelError, match="keep"):
        rank_models(table, keep=2.5)
