"""The command for surveys: rates and persons, groups compared, small areas, and questions about knowing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mse.commands.fromspecs import SettingsCommand, option_of
from mse.commands.options import AS_JSON, LANGUAGES, OVERWRITE, PROB, in_language


def _settings() -> list[click.Option]:
    from mse.evidence.surveydesign import SurveyDesign
    from mse.evidence.surveyways import SurveyLists, SurveyModel
    from mse.publish.publishedsurvey import SurveyAbout
    from mse.settings.specfields import keys_of

    return [option_of(spec, name) for spec in (SurveyDesign, SurveyModel, SurveyLists, SurveyAbout)
            for name in keys_of(spec)]  # fmt: skip


@click.command(cls=SettingsCommand, settings=_settings)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--population", type=click.Path(path_type=Path), help="CSV: the --by columns, and population.")
@PROB
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the page, CSV and JSON.")
@OVERWRITE
@click.option("--language", type=LANGUAGES, callback=in_language, help="Of the text, and of the first page.")
@AS_JSON
def survey(
    file: Path, population: Path | None, prob: float, out: Path | None, overwrite: bool, language: str | None,
    as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Estimate prevalence and persons from a survey FILE, with a verdict on each.

    FILE holds microdata (--outcome), published rates and populations, or direct estimates of areas
    (--method fay-herriot).
    """
    from mse.evidence.surveydesign import SurveyDesign
    from mse.evidence.surveyways import SurveyLists, SurveyModel
    from mse.evidence.surveyways import survey as answer_of_survey
    from mse.publish.publishedsurvey import SurveyAbout, publish_survey
    from mse.publish.surveypages import survey_json, survey_text, write_survey
    from mse.settings.specfields import keys_of

    def made[T](spec: type[T]) -> T:
        return spec(**{name: given[name] for name in keys_of(spec) if given[name] is not None})

    design = None if given["outcome"] is None else made(SurveyDesign)
    beside = made(SurveyLists)
    shown = publish_survey(
        answer_of_survey(file, design, population, prob, made(SurveyModel), beside), made(SurveyAbout)
    )
    if beside.results is not None:
        from mse.publish.surveybeside import with_registers

        shown = with_registers(shown, beside.results)
    if out is not None:
        write_survey(out, shown, [] if language is None else [language], overwrite=overwrite)
    click.echo(survey_json(shown) if as_json else survey_text(shown, language or "en"), nl=not as_json)
