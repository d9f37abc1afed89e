"""A questionnaire of an international body, filled from a release: its file read and checked, and its figures found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mse.errors import InputError, Problem, names_of
from mse.jobs.figurejob import read_job_file
from mse.publish.questionnaires.filling import Called, called_besides, fill
from mse.publish.questionnaires.holding import hold_together
from mse.publish.questionnaires.publishedcells import PublishedFolder, read_folders
from mse.publish.questionnaires.questionnairefiles import Questionnaire
from mse.publish.questionnaires.questionnairespec import QuestionnaireSpec
from mse.settings.places import JobFile
from mse.settings.specreading import read_spec
from mse.shipped import shipped_names, shipped_path
from mse.words.said import said


def read_questionnaire(path: str | Path) -> QuestionnaireSpec:
    """Read and check a file of a questionnaire; the name of one that ships, with ``.toml`` or without, is enough.

    Raises
    ------
    InputError
        With every problem: no such file, not TOML, unknown keys, wrong types, names that are not there.
    """
    path = Path(path)
    if not os.path.exists(path) and not path.suffix:
        path = shipped_path("reports/questionnaires", f"{path}.toml")
    raw, file, _ = read_job_file(path, "reports/questionnaires")
    return make_questionnaire(raw, file)


def make_questionnaire(settings: Mapping[str, Any], file: JobFile | None = None) -> QuestionnaireSpec:
    """Check the settings of a questionnaire.

    Raises
    ------
    InputError
        With every problem.
    """
    spec, problems = read_spec(QuestionnaireSpec, settings, file=file or JobFile())
    if spec is None:
        raise InputError(problems)
    return spec


def questionnaires() -> tuple[str, ...]:
    """Return the names of the questionnaires that ship."""
    names = shipped_names("reports/questionnaires")
    return tuple(x.removesuffix(".toml") for x in names if x.endswith(".toml"))


def questionnaire(
    asked: QuestionnaireSpec | Mapping[str, Any] | str | Path, release: str | Path, *,
    figures: Sequence[str | Path] = (), chain: str | Path | None = None, year: str | None = None,
    called: Called | None = None,
) -> Questionnaire:  # fmt: skip
    """Fill a questionnaire from a release, and from key figures and a chain beside it.

    Parameters
    ----------
    asked : QuestionnaireSpec, mapping, or path
        The questionnaire; its settings; or the path of its file, or the name of one that ships.
    release : str or Path
        Folder that `mse.write_release` wrote.
    figures : sequence of path
        Folders that `mse.write_figures` wrote: their totals count persons, also crossed.
    chain : str or Path, optional
        Folder that `mse.write_chain` wrote.
    year : str, optional
        Of which year; the last of the release when not given, its whole period where no years stand apart in it.
    called : mapping of str to sequence of str, optional
        What the release calls a dimension (``"sex"``), a level (``"sex.female"``) or persons besides the names that the
        questionnaire knows.

    Returns
    -------
    Questionnaire
        Every figure with the published cell that it is, or why it is not there and what would fill it. Nothing is
        computed: cells stand as they were published. A count from a second folder that would, with the release and the
        others, tell of few persons is a gap.

    Raises
    ------
    InputError
        With every problem of the questionnaire and of the folders.
    """
    if isinstance(asked, str | Path):
        spec = read_questionnaire(asked)
    else:
        spec = asked if isinstance(asked, QuestionnaireSpec) else make_questionnaire(asked)
    problems: list[Problem] = []
    folders: list[PublishedFolder] = []
    try:
        spec = called_besides(spec, called or {})
    except InputError as error:
        problems += error.problems
    try:
        folders = read_folders(release, figures, chain)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    found = _year(folders[0], year)
    return Questionnaire(spec, hold_together(spec, fill(spec, folders, found), folders), tuple(folders), found)


def _year(release: PublishedFolder, year: str | None) -> str | None:
    """Return the year of the figures: the one that is asked for, else the last of the release."""
    whole = release.tables[0].whole
    if release.years:
        if year is not None and year not in release.years:
            found, allowed = said("questionnaire.no_year"), names_of(release.years)
            raise InputError(Problem(found, allowed, said("do.choose_one_these"), value=year))
        return year or release.years[-1]
    return year or (whole if whole.isdigit() else None)
