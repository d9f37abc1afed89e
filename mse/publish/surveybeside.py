"""The estimate from registers beside a survey: as its own results publish it, never mixed with the survey."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mse.answers.estimates import Level
from mse.publish.publishedsurvey import NONE, PublishedSurvey, ShownLine
from mse.publish.standing import OK
from mse.words.said import Said, said


def with_registers(found: PublishedSurvey, results: str | Path) -> PublishedSurvey:
    """Return a survey with the published total of a results folder as one more line.

    Raises
    ------
    InputError
        When the folder cannot be used, or publishes no total.
    """
    from mse.answers.results import read_results
    from mse.publish.figures.figureestimates import from_results
    from mse.publish.figures.figurespec import EstimateSpec

    spec = EstimateSpec("registers", "-", "-", "-", results=Path(results))
    shown = from_results(spec, read_results(Path(results)))
    fine = shown.status == OK
    level: Level = shown.verdict if fine else "do not publish"
    reasons: tuple[Said, ...] = () if level == "publish" else (said("surveyreason.from_results"),)
    line = ShownLine(said("surveyline.registers"), shown.size if fine else NONE, level, reasons,
                     said("surveyassumed.registers"))  # fmt: skip
    return replace(found, lines=(*found.lines, line))
