"""What a method with its options is called, in tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mse.estimators.registry import METHODS
from mse.words.catalogues import catalogue
from mse.words.said import Said, said

_IN_WORDS = {
    ("criterion", "bic"): said("label.criterion_bic"),
    ("criterion", "bic_cells"): said("label.criterion_bic_cells"),
    ("criterion", "aic"): said("label.criterion_aic"),
    ("max_order", "2"): said("label.pairs_only"),
    ("strata", "True"): said("label.by_stratum"),
    ("departures", "True"): said("label.departures"),
    ("corrected", "0.5"): said("label.quick"),
}
"""Options that are said otherwise than by their names."""


def label_of(method: str, options: Mapping[str, Any]) -> Said:
    """Return the name of a method with its options, for tables and figures."""
    if METHODS[method].names_model and options.get("model"):
        return said("label.model", model=str(options["model"]))
    label = said(f"method.{method}")
    shown = [_option(name, value) for name, value in options.items()]
    return said("label.options", method=label, options=shown) if shown else label


def _option(name: str, value: object) -> Said:
    if name == "by" and isinstance(value, list | tuple):
        known = catalogue().messages
        return said("label.by", names=[said(key) if (key := f"dimension.{x}") in known else str(x) for x in value])
    return _IN_WORDS.get((name, str(value))) or said("label.option", name=name, value=str(value))
