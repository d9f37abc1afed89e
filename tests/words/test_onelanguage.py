"""One language at a time: Dutch words hold no English ones and English no Dutch, also once values are filled in."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mse.answers.recordchecks import RESULTS, Damaged, damage
from mse.answers.results import read_results
from mse.errors import InputError, ModelError, MseError, Problem, reason_of
from mse.evidence.chain import proportion_interval
from mse.intake.contracts.contractfile import make_contract, read_contract
from mse.jobs.job import read_job
from mse.methods import estimate
from mse.publish.release.releasefiles import read_bytes
from mse.shipped import load_table
from mse.tables.captures import CaptureTable
from mse.words.catalogues import catalogue
from mse.words.said import said, verbatim

ENGLISH = (
    r"\b(the|and|with|which|not|are|this|that|from|each|every|has|have|its|for|to|no|an|be|as|least|give|choose|of the"
    r"|correct it|did you|or|such|there|none|allowed)\b"
)
DUTCH = (
    r"\b(het|een|niet|van|voor|wordt|worden|bij|naar|zijn|deze|dit|geen|elke|welke|ook|aan|uit|niets|of een|bestand"
    r"|personen|toegestaan)\b"
)
WORDS = {"nl": ENGLISH, "en": DUTCH}
SPELLED = {"allowed.before_until", "allowed.yes_no_empty_yes", "do.correct_counts_say_within", "do.name_column",
           "do.write_1_0_if_2", "gather.lead", "allowed.job_yes_no"}  # fmt: skip
"""Words that name keys, options and values of files, or the English title of a guideline."""


def bare(text: str) -> str:
    """Return a text without what is quoted or filled in: names, keys and values."""
    return re.sub(r"\{[^}]*\}|--[\w-]+|`[^`]*`|'[^']*'|\"[^\"]*\"|“[^”]*”|‘[^’]*’|\S*[/\\.=_]\S+|\[\w+\]", " ", text)


@pytest.mark.parametrize("language", WORDS)
def test_a_catalogue_holds_words_of_its_language_only(language: str) -> None:
    other = re.compile(WORDS[language], re.I)
    found = {
        code: other.findall(bare(text))
        for code, text in catalogue(language).messages.items()
        if code not in SPELLED and other.search(bare(text))
    }
    assert found == {}


def faulty_table(folder: Path) -> None:
    path = folder / "table.csv"
    path.write_text("A,B,count\n1,0,x\n1,1,-3\n2,1,5\n0,0,4\n1,0,2\n1,0,7\n")
    CaptureTable.from_csv(path)


def no_table(folder: Path) -> None:
    CaptureTable.from_csv(folder / "none.csv")


def other_columns(folder: Path) -> None:
    path = folder / "table.csv"
    path.write_text("A,B,count\n1,0,5\n1,1,3\n0,1,5\n")
    CaptureTable.from_csv(path, lists=("A", "Q"), covariates=("region",))


def no_job(folder: Path) -> None:
    read_job(folder / "none.toml")


def faulty_job(folder: Path) -> None:
    path = folder / "job.toml"
    path.write_text(
        '[table]\nnam = "x"\n[run]\nprob = 2\nseed = "a"\n[estimate]\nmethod = "averag"\n[report]\npdf = 1\n'
    )
    read_job(path)


def deep_job(folder: Path) -> None:
    path = folder / "job.toml"
    path.write_text("a = " + "[" * 60 + "]" * 60)
    read_job(path)


def folder_as_job(folder: Path) -> None:
    read_job(folder)


def faulty_contract(_: Path) -> None:
    fields = [{"name": "x", "role": "nothing", "constraints": {"minLength": -1}}]
    period = {"first": "soon", "last": 3}
    make_contract({"list": "~a", "title": 3, "fields": fields, "period": period, "max_rejects": 2, "pth": "x"})


def no_contract(folder: Path) -> None:
    read_contract(folder / "none.toml")


def no_results(folder: Path) -> None:
    read_results(folder)


def damaged(_: Path) -> None:
    with damage(RESULTS, "posterior.nc"):
        raise Damaged(said("damage.law"))


def foreign(_: Path) -> None:
    with damage(RESULTS, "posterior.nc"):
        raise KeyError("x")


def no_release_file(folder: Path) -> None:
    read_bytes(folder, "../x")


def no_share(_: Path) -> None:
    proportion_interval(9, 5, 0.95)


def unfit_model(_: Path) -> None:
    estimate(load_table("kosovo-1999-4"), "loglinear", model="[A,B")


def unfit_strata(_: Path) -> None:
    estimate(load_table("kosovo-1999-4"), "chao", by=["region"])


FAULTS: tuple[Callable[[Path], None], ...] = (
    faulty_table, no_table, other_columns, no_job, faulty_job, deep_job, folder_as_job, faulty_contract, no_contract,
    no_results, damaged, foreign, no_release_file, no_share, unfit_model, unfit_strata,
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda x: x.__name__)
def test_an_error_is_told_in_one_language(fault: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(MseError) as caught:
        fault(tmp_path)
    for language, other in WORDS.items():
        told = bare(caught.value.in_words(language))
        assert not re.search(other, told, re.I), told


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EISDIR, errno.ENAMETOOLONG])
def test_what_a_system_refuses_is_told_in_every_language(number: int) -> None:
    reason = reason_of(OSError(number, os.strerror(number)))
    assert str(reason) == os.strerror(number)
    assert not re.search(ENGLISH, catalogue("nl").said(reason), re.I)


def test_what_has_no_code_is_told_as_it_is() -> None:
    assert reason_of(ValueError("odd")) == verbatim("odd") and reason_of(ValueError()) == verbatim("ValueError")
    assert reason_of(Damaged(said("damage.law"))) == said("damage.law")


def test_a_place_and_a_value_in_words_are_words_of_the_language() -> None:
    error = ModelError(
        Problem(said("fault.nobody"), verbatim("x"), said("do.correct"), file=said("what.table", name="t"),
                value=said("what.persons", count=1_234))
    )  # fmt: skip
    assert str(error).startswith("table 't': nobody was seen (value '1,234 persons')")
    assert error.in_words("nl").startswith("tabel 't': niemand is gezien (waarde '1.234 personen')")
    assert isinstance(error, MseError) and not isinstance(error, InputError)


def test_what_is_said_without_values_is_made_once() -> None:
    """A file with a fault in every cell says the same as often."""
    assert said("found.cell_empty") is said("found.cell_empty")
