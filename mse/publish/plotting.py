"""Figures of the report for a notebook or a file: from an answer, its strata, methods side by side, or results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.notebook import Picture
from mse.answers.posterior import Posterior
from mse.answers.record import Record, TableRecord
from mse.answers.results import Results, read_results
from mse.answers.strata import StrataDraws
from mse.errors import ModelError, Problem, names_of
from mse.methods import Outcome, comparison_rows, label_of
from mse.publish.drawings.axes import also_png
from mse.publish.plottedalone import drawn_alone
from mse.publish.report.composing import compose
from mse.publish.report.page import Drawing
from mse.publish.takeaway import standalone
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


def plot(
    what: Posterior | StrataDraws | pd.DataFrame | Results | str | Path,
    kind: str | None = None,
    *,
    methods: pd.DataFrame | None = None,
    language: str = "en",
) -> Picture:
    """Return a figure as the report draws it.

    Parameters
    ----------
    what : Posterior, StrataDraws, DataFrame, Results, str or Path
        An answer, its strata, what `mse.compare` gave, the results of a job, or their folder.
    kind : str, optional
        ``"posterior"`` for the law of N, which is that of an answer and of results when not given; ``"intervals"`` for
        the methods side by side; ``"trend"`` and ``"strata"`` for years and other parts; of results also ``"overlap"``,
        ``"sensitivity"``, ``"robustness"``, ``"checks"``, …. Of strata ``"trend"`` where they have years, else
        ``"strata"``: every one of them, with its 95% interval.
    methods : DataFrame, optional
        What `mse.compare` gave, for ``"intervals"`` of a Posterior.
    language : str
        ``"en"`` or ``"nl"``.

    Returns
    -------
    Picture
        A notebook shows it; ``.save("figure.svg")`` or ``.save("figure.png")`` writes it.

    Raises
    ------
    ModelError
        When the answer has no such figure, which the message names, or it is no answer.
    """
    alone = drawn_alone(what, kind, language)
    if alone is not None:
        return alone
    if not isinstance(what, Posterior | Results | str | Path):
        raise ModelError(
            Problem(said("object.no_answer", kind=type(what).__name__), said("object.answers"),
                    said("object.draw_beside"))
        )  # fmt: skip
    if isinstance(what, Posterior):
        what = _results(what, methods)
    results = what if isinstance(what, Results) else read_results(what)
    with also_png() as pictures:
        drawn: Mapping[str, Drawing] = {
            section.key: block
            for section in compose(results, language).sections
            for block in section.blocks
            if isinstance(block, Drawing)
        }
    kind = kind or "posterior"
    if kind not in drawn:
        raise ModelError(
            Problem(said("found.answer_has_no_such_2"), names_of(drawn, said("allowed.nothing_answer_has_no")),
                    said("do.ask_one_these"), column="kind", value=kind)
        )  # fmt: skip
    return Picture(standalone(drawn[kind].svg), pictures[drawn[kind].svg], drawn[kind].finding)


def _results(posterior: Posterior, methods: pd.DataFrame | None) -> Results:
    """Return an answer as results of a run; whoever plots it has the table and may see its counts."""
    import pandas as pd

    whole = Outcome(posterior.method, label_of(posterior.method, {}), posterior)
    rows = pd.DataFrame(comparison_rows(posterior, [whole], 0.95))
    rows.insert(2, "headline", [True])
    if methods is not None:
        others: Any = methods[methods["method"] != posterior.method]
        rows = pd.concat([rows, others.assign(headline=False)[rows.columns]], ignore_index=True)
    table = TableRecord(name=posterior.table, observed=posterior.observed, public=True)
    return Results(posterior, rows, Record(posterior.table, 0.95, 0, {}, table=table))
