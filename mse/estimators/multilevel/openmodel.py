"""The multilevel model of a table in PyMC, for whoever wants to read it, extend it, or sample it with other tools."""

from __future__ import annotations

from typing import Any

from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of
from mse.estimators.multilevel.pymcmodel import build_model
from mse.tables.captures import CaptureTable


def multilevel_model(table: CaptureTable, spec: MultilevelSpec | None = None) -> Any:
    """Return the multilevel model of a table as a `pymc.Model`.

    Its density is that of ``mse.estimate(table, "multilevel")``. Named for further terms are ``log_size``, the log
    expected size of every stratum, (S,); ``lists``, the log-odds of every list, (S, K); ``pairs``, the log odds ratio
    of every
    pair, (S, Q). Strata are in the order of the table.

    Parameters
    ----------
    table : CaptureTable
        With or without strata.
    spec : MultilevelSpec, optional
        Options of the model; those of sampling play no part.

    Raises
    ------
    ModelError
        When PyMC is not installed, or a name is unknown.

    Examples
    --------
    Somebody knows about how many there are in all strata together::

        model = mse.multilevel_model(table)
        with model:
            total = pm.math.log(pm.math.exp(model["log_size"]).sum())
            pm.Potential("known", pm.logp(pm.Normal.dist(np.log(5000), 0.2), total))
            draws = pm.sample(nuts_sampler="nutpie")
    """
    return build_model(design_of(table, spec or MultilevelSpec()), named=True)
