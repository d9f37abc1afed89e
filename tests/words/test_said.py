"""What is said: every code has words in every language and every word a code; values are written as a language does."""

from __future__ import annotations

import ast
import itertools
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from mse.answers.posterior import Posterior
from mse.answers.recordchecks import sealed
from mse.errors import InputError, MseError, Problem
from mse.estimators.registry import METHODS
from mse.jobs.job import make_job
from mse.methods import checks, estimate, label_of
from mse.publish.disclosure.control import Disclosure
from mse.publish.wording.messages import Words, words_of
from mse.shipped import load_repeats, load_table
from mse.words.catalogues import Catalogue, catalogue, languages_there_are
from mse.words.said import Said, as_said, from_json, from_record, said, to_json, verbatim

ROOM = Path(__file__).parents[2] / "mse"
NL, EN = catalogue("nl"), catalogue("en")
SETTING = 'backend = "spark"'
BUILT = ("method.", "dimension.", "truth.")
"""Starts of codes that are put together: from the registry, the names of dimensions, and what tables are drawn from."""


def codes() -> dict[str, set[str]]:
    """Return every code that a call of `said` in the package names, with the names of its values as far as written."""
    found: dict[str, set[str]] = {}
    for first, names in calls():
        if isinstance(first, ast.Constant):
            found.setdefault(first.value, set()).update(names)
    return found


def calls() -> Iterator[tuple[ast.expr, list[str]]]:
    """Yield the code of every call of `said` in the package as it is written, and the names of its values."""
    for path in ROOM.rglob("*.py"):
        text = path.read_text("utf-8")
        if not re.search(r"from mse\.words\.said import .*\bsaid\b", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "said" and node.args:
                yield node.args[0], [k.arg for k in node.keywords if k.arg]


def spoken(say: Catalogue) -> set[str]:
    """Return the codes of the catalogues for what is said; the page's own messages are another file."""
    import tomllib

    folder, tree = ROOM.parent / "reports" / "templates", dict[str, dict[str, str]]()
    for name in ("said", "faults"):
        parts = tomllib.loads((folder / f"{name}.{say.language}.toml").read_text("utf-8"))
        for section in (x for x, words in parts.items() if isinstance(words, dict)):
            tree[section] = {**tree.get(section, {}), **parts[section]}
    return {f"{k}.{key}" for k, part in tree.items() if isinstance(part, dict) for key in part} | {"verbatim"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", languages_there_are())
def test_every_code_has_words_and_every_word_a_code(language: str) -> None:
    say = catalogue(language)
    asked = set(codes()) | {f"method.{name}" for name in METHODS} | {"verbatim"}
    assert {code for code in asked if code not in say.messages} == set()
    assert spoken(say) - asked == set()


@pytest.mark.parametrize("language", languages_there_are())
def test_words_name_what_english_names_and_nothing_else(language: str) -> None:
    say = catalogue(language)
    assert set(say.messages) - {k for k in say.messages if k.startswith("territory.")} == {
        k for k in EN.messages if not k.startswith("territory.")
    }
    for code in spoken(EN):
        assert fields(say.messages[code]) == fields(EN.messages[code]), code
    for code, given in codes().items():
        assert given <= fields(EN.messages[code]), code


def test_every_part_of_an_error_has_a_code() -> None:
    """What was found, what is allowed and what to do are no plain texts, and names are not hidden in a text either.

    The types say so (mypy holds every call to them); here stands what a type cannot say.
    """
    assert {get_type_hints(Problem)[name] for name in ("found", "allowed", "remedy")} == {Said}
    plain = []
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            parts = [*node.args[:3], *(k.value for k in node.keywords if k.arg in ("found", "allowed", "remedy"))]
            texts = [x.value for part in parts for x in getattr(part, "values", [part]) if isinstance(x, ast.Constant)]
            if called in ("Problem", "verbatim") and any(re.search("[a-z]{2}", str(x)) for x in texts if x != SETTING):
                plain.append(f"{path.relative_to(ROOM)}:{node.lineno}")
    assert plain == []


@pytest.mark.parametrize("language", languages_there_are())
def test_no_part_of_an_error_is_english_elsewhere(language: str) -> None:
    """Words that are the same in two languages are names, signs and keys."""
    say = catalogue(language)
    if language == "en":
        return
    same = {code for code in spoken(say) if say.messages[code] == EN.messages[code]}
    faulty = {
        code
        for code in same
        if say.messages[code] != "step, count, of, within"
        and code.split(".")[0] in ("found", "allowed", "do", "what", "doubt", "model", "formula", "example", "type")
        and re.search(r"\b(the|a|of|is|are|or|with|not|no|each|every|at least|give|correct)\b", say.messages[code])
    }
    assert faulty == set()


def test_an_error_about_a_setting_is_dutch_throughout() -> None:
    for wrong in (
        lambda: make_job({"table": {"nam": "kosovo-1999-4"}}),
        lambda: make_job({"table": {"name": "kosovo-1999-4"}, "run": {"prob": 2, "seed": -1}}),
        lambda: make_job({"table": {"name": "kosovo-1999-4"}, "report": {"languages": ["xx"]}}),
        lambda: estimate(load_table("kosovo-1999-4"), "averag"),
        lambda: estimate(load_table("kosovo-1999-4"), "average", sd="wide"),
        lambda: estimate(load_table("kosovo-1999-4"), "loglinear", model="[1,2"),
        lambda: estimate(load_table("kosovo-1999-4"), "covariates", formula="~ a +"),
    ):
        with pytest.raises(MseError) as caught:
            wrong()
        told = caught.value.in_words("nl")
        assert "Toegestaan: " in told and "Doe: " in told
        assert not re.search(r"\b(the|or|with|correct it|did you|leave|a number|choose|at most|such)\b", told), told


def test_only_these_codes_are_put_together() -> None:
    """A code that is not written out cannot be checked: it may only come from a registry or a rule."""
    built = {x.values[0].value for x, _ in calls() if isinstance(x, ast.JoinedStr)}  # type: ignore[attr-defined]
    assert built <= set(BUILT)


def test_nothing_in_the_package_looks_words_up_by_words() -> None:
    text = "\n".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    assert "phrases" not in text and ".phrase(" not in text
    assert not re.findall(r"\b(?:note|notes|assumptions?|outside|flag)\b[^\n]*\.startswith\(", text)


def test_a_value_is_the_same_after_json_and_hashable() -> None:
    note = said("note.pair", lists=("A", "B"), count=np.int64(1_234), how=said("how.largest"))
    assert from_record(json.loads(json.dumps(note.as_record()))) == note and len({note, note}) == 1
    assert from_json(to_json([("label", note), ("held", (note, note))])) == {"label": (note,), "held": (note, note)}
    assert from_json("") == {} and from_json(float("nan")) == {}
    assert said("a", b=1, c=2) == said("a", c=2, b=1)


def test_words_are_those_of_the_language() -> None:
    note = said("note.pair", lists=("A", "B"), count=1_234, how=said("how.largest"))
    assert str(note).startswith("lists A and B, 1,234 persons on both; the pair with")
    assert NL.said(note).startswith("lijsten A en B, 1.234 personen op beide; het paar met")
    label = label_of("loglinear", {"criterion": "bic", "max_order": 2})
    assert str(label) == "best log-linear model (by BIC, pairs only)"
    assert NL.said(label) == "beste loglineaire model (naar BIC, alleen paren)"
    assert NL.said(label_of("average", {"by": ["year", "form"]})).endswith("(naar jaar en vorm van uitbuiting)")
    assert NL.said(said("note.low_coverage", limit=0.55)).startswith("de dekking is lager dan 0,55:")


def test_what_was_saved_before_is_shown_as_it_is_and_marked() -> None:
    old = from_record("the moon is full")
    assert old == verbatim("the moon is full") == as_said("the moon is full") and str(old) == "the moon is full"
    assert words_of(old, NL) == Words("the moon is full", "en") and words_of(old, EN) == Words("the moon is full")


def test_a_file_saved_with_plain_texts_is_read(tmp_path: Path) -> None:
    import xarray as xr

    found = estimate(load_table("kosovo-1999-4"), "chao")
    tree = found.to_datatree()
    record = json.loads(tree.attrs["mse"])
    for name in ("inside", "outside", "assumptions", "notes"):
        record[name] = [str(from_record(x)) for x in record[name]]
    record["point_kind"] = str(found.point_kind)
    record["verdict"]["reasons"] = [
        {"code": "moon", "level": "publish", "text": "the moon is full", "figures": {}, "names": {}}
    ]
    tree.attrs["mse"] = json.dumps(record)
    assert isinstance(tree, xr.DataTree)
    tree.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    (tmp_path / "old.nc").write_bytes(sealed((tmp_path / "old.nc").read_bytes()))
    again = Posterior.load(tmp_path / "old.nc")
    assert list(map(str, again.assumptions)) == list(map(str, found.assumptions))
    assert again.point_kind == verbatim(str(found.point_kind))
    assert again.verdict is not None and again.verdict.reasons[0].text == "the moon is full"
    found.save(tmp_path / "new.nc")
    assert Posterior.load(tmp_path / "new.nc").notes == found.notes


def test_json_has_the_sentences_under_their_keys_and_the_codes_beside() -> None:
    record = estimate(load_table("kosovo-1999-4"), "chao").summary().as_dict()
    assert record["kind"] == "Chao's lower bound for lists that are alike, log-normal interval"
    assert record["said"]["kind"] == {"code": "kind.chao_alike", "values": {}}  # type: ignore[index]
    assert len(record["inside"]) == len(record["said"]["inside"])  # type: ignore[arg-type, index]
    json.dumps(record)


def test_an_error_says_its_code_where_a_page_may_have_to() -> None:
    with pytest.raises(InputError) as caught:
        raise InputError(Problem(said("fault.nobody"), verbatim("somebody"), verbatim("look again")))
    assert str(caught.value) == "nobody was seen. Allowed: somebody. Do: look again."
    assert NL.said(as_said(caught.value.problems[0].found)) == "niemand is gezien"


FEW = {"bootstrap": {"replicates": 50}, "stepwise": {"replicates": 50}, "dutch-method": {"replicates": 50},
       "covariates": {"replicates": 50}, "search-average": {"models": 1_000}}  # fmt: skip
QUICK = [name for name, row in METHODS.items() if row.reads != "PersonTable" and name != "multilevel"]


@pytest.mark.parametrize("name", QUICK)
def test_no_method_says_anything_without_a_code(name: str) -> None:
    row = METHODS[name]
    table = load_table("spina-bifida-3-ethnicity" if row.strata else "kosovo-1999-4")
    read = load_repeats("irregular-immigrants-netherlands-repeat") if row.reads == "RepeatCounts" else table
    found = estimate(read, name, seed=1, **FEW.get(name, {}))  # type: ignore[arg-type]
    flags = [] if found.strata is None else itertools.chain(*found.strata.flags)
    words = [*found.inside, *found.outside, *found.assumptions, *found.notes, found.point_kind, *flags]
    reasons = [] if found.verdict is None else [r.said for r in found.verdict.reasons]
    for x in (*words, *reasons, label_of(name, {})):
        assert isinstance(x, Said) and x.code != "verbatim"
        assert NL.said(x) and "{" not in NL.said(x)


def test_every_label_of_the_comparison_has_words() -> None:
    for table in ("kosovo-1999-4", "uk-2013-5", "uk-2013-6"):
        for request in checks(load_table(table), "average"):
            label = label_of(*((request, {}) if isinstance(request, str) else request))
            assert NL.said(label) != str(label)


@pytest.mark.parametrize(
    "rule", [Disclosure(), Disclosure(threshold=5, percent=10.0), Disclosure("controlled"), Disclosure("random")]
)
def test_every_rule_of_disclosure_control_has_words(rule: Disclosure) -> None:
    assert NL.said(rule.in_words()) != str(rule.in_words()) and str(rule.in_words()).endswith(".")
