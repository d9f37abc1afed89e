"""The record of a run: written and read in one place, of either form, and walked as a dictionary nowhere."""

from __future__ import annotations

import ast
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mse.answers.earlierreleases import EarlierRelease, OldCell
from mse.answers.record import AtRisk, BreakMark, InputFile, Overlap, Record, Source, overlap_of, seal_record
from mse.answers.recordchecks import Damaged
from mse.answers.recordform import FORMAT, read_record_json, record_json
from mse.answers.results import read_results, write_results
from mse.errors import InputError
from mse.publish.report.html import render_report
from mse.shipped import load_table
from mse.words.said import said, verbatim
from tests.examples.parts import national
from tests.examples.recorded import LEAST, entries_of, recorded, with_counts

OLD = Path(__file__).parents[1] / "golden" / "records" / "provenance-1.json"
SAMPLE = Path(__file__).parents[2] / "reports" / "sample" / "uk-2013"
PACKAGE = Path(__file__).parents[2] / "mse"


def old() -> dict[str, Any]:
    """Return a record as it was written before it had a format number."""
    entries: dict[str, Any] = json.loads(OLD.read_text("utf-8"))
    assert "format" not in entries
    return entries


def test_a_record_of_the_form_before_is_read_in_full() -> None:
    found = read_record_json(old())
    table, report, job = found.table, found.report, found.job
    assert (found.title, found.prob, found.seed) == ("Victims of trafficking, made up, again", 0.95, 1)
    assert found.engine == "0.1.0" and found.rounding == "a key" and found.secret is not None
    assert table.public is False and table.period == ("2018", "2020") and table.summed_over == ("region",)
    assert table.sources == (Source("A book", "https://example.org"), Source("A thesis"))
    assert table.notes == (said("note.unread", names=["x"]), verbatim("a plain note")) and table.counted == ()
    assert isinstance(table.file, InputFile) and str(table.file.digest).startswith("hmac-sha256:")
    assert table.words["nl"].lists == {"P": "Politie"} and table.words["nl"].notes == ("Een noot.",)
    assert report.languages == ("nl",) and report.pdf and report.period == ("2018", "2020")
    assert report.breaks == (BreakMark("2018-05", "consent"),) and report.words["nl"].breaks == ("toestemming",)
    assert report.texts.publisher == "Nobody" and report.texts.names == {"P": "Police"}
    assert job.limits == {"prior": (1.15, 1.5)} and job.contracts == ("P.toml",) and job.dropped == ("C",)
    assert job.merged == {"AB": ("A", "B")} and job.publish.threshold == 10 and job.publish.sdg == {"sex": "sex"}
    assert job.publish.at_risk == (AtRisk("migrants", 1000, {"form": "labour"}),)
    counts = old()["overlap"]["counts"]
    overlap = found.overlap
    assert {"+".join(overlap.members(h)): n for h, n in zip(overlap.histories, overlap.counts, strict=True)} == counts
    assert overlap.on("P") == sum(n for h, n in counts.items() if "P" in h.split("+"))
    (earlier,) = found.against
    assert earlier.release == "first-release" and earlier.counts is not None and earlier.lists is not None
    assert any(math.isinf(cell.high) for cell in earlier.counts.cells)
    assert earlier.years == earlier.counts.years == ("2018", "2019", "2020")


def test_what_is_written_is_what_is_read() -> None:
    found = read_record_json(old())
    entries = record_json(found)
    assert entries["format"] == FORMAT and "counts" not in entries["overlap"]
    assert {"on": ["P"], "count": found.overlap.counts[found.overlap.histories.index(1)]} in (
        entries["overlap"]["histories"]
    )
    again = read_record_json(json.loads(json.dumps(entries)))
    assert again == found
    # Keys of the form before stay where they are.
    assert set(old()) <= set(entries) and set(old()["table"]) <= set(entries["table"])


def test_a_folder_of_an_earlier_version_opens_and_shows_the_same(tmp_path: Path) -> None:
    """Its record has no number; written again it has one, and its page is the same."""
    found = national()
    write_results(tmp_path / "one", found, lambda _: "page")
    path = tmp_path / "one" / "provenance.json"
    entries = json.loads(path.read_text("utf-8"))
    histories = entries.pop("overlap")["histories"]
    entries["overlap"] = {"lists": list(found.record.overlap.lists),
                          "counts": {"+".join(x["on"]): x["count"] for x in histories}}  # fmt: skip
    del entries["format"]
    new = read_results(tmp_path / "one")
    path.write_text(json.dumps(entries), "utf-8")
    assert read_results(tmp_path / "one").record == new.record
    assert render_report(read_results(tmp_path / "one"), "nl") == render_report(new, "nl")


def test_the_sample_opens() -> None:
    found = read_results(SAMPLE)
    table = load_table("uk-2013-5")
    assert found.record.overlap == overlap_of(table) and found.record.table.public
    assert (found.record.overlap.cells() == table.counts[0]).all()


def test_names_of_lists_may_hold_the_sign_that_parted_them() -> None:
    found = recorded({"overlap": {"lists": ["A", "B+C", "B"], "counts": {"A": 5, "B+C": 4, "A+B+C": 3, "B": 2}}})
    overlap = found.overlap
    named = {overlap.members(h): n for h, n in zip(overlap.histories, overlap.counts, strict=True)}
    assert named == {("A",): 5, ("B+C",): 4, ("A", "B+C"): 3, ("B",): 2}
    assert read_record_json(record_json(found)).overlap == overlap


def test_counts_are_those_of_the_table_in_any_order() -> None:
    rng = np.random.default_rng(5)
    lists, cells = ("A", "B", "C", "D"), rng.integers(0, 50, 15)
    overlap = Overlap(lists, *(tuple(map(int, x)) for x in (np.flatnonzero(cells) + 1, cells[cells > 0])))
    assert (overlap.cells() == cells).all()
    rows = record_json(Record("", 0.5, 0, {}, overlap=overlap))["overlap"]["histories"]
    random.Random(1).shuffle(rows)
    shuffled = {**LEAST, "format": FORMAT, "overlap": {"lists": list(lists), "histories": rows}}
    assert read_record_json(shuffled).overlap == overlap


def test_digests_are_keyed_once() -> None:
    once = seal_record(replace(read_record_json(old()), secret=None))
    assert once.secret is not None and seal_record(once) == once
    public = replace(once, table=replace(once.table, public=True))
    assert seal_record(public) is public


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"prob": 1.5}, "'prob'"), ({"prob": True}, "'prob'"), ({"prob": float("nan")}, "'prob'"),
        ({"seed": -1}, "'seed'"), ({"seed": 1.5}, "'seed'"), ({"title": 5}, "'title'"),
        ({"versions": {"mse-engine": 1}}, "versions"), ({"table": []}, "table is no section"),
        ({"table": {"name": 1.5}}, "'name'"), ({"table": {"public": "yes"}}, "'public'"),
        ({"table": {"notes": [{"code": 1}]}}, "note"), ({"table": {"sources": [5]}}, "sources"),
        ({"table": {"file": "t.csv"}}, "file"), ({"table": {"registers": {"a": 1}}}, "registers"),
        ({"overlap": {"lists": ["A", "A"]}}, "lists"), ({"overlap": {"lists": ["A"], "counts": {"B": 1}}}, "history"),
        ({"overlap": {"lists": ["A"], "counts": {"A": -1}}}, "counts"),
        ({"overlap": {"lists": ["A"], "counts": {"A": "5"}}}, "counts"),
        ({"format": FORMAT, "overlap": {"lists": ["A"], "histories": [{"on": [], "count": 1}]}}, "history"),
        ({"format": FORMAT, "overlap": {"lists": ["A"], "histories": [{"on": ["A"], "count": None}]}}, "counts"),
        ({"format": FORMAT + 1}, "format 3"), ({"format": "2"}, "'format'"),
        ({"report": {"languages": [1]}}, "'languages'"), ({"report": {"pdf": "yes"}}, "'pdf'"),
        ({"report": {"nl": "x"}}, "nl"), ({"report": {"breaks": ["2018"]}}, "breaks"),
        ({"job": {"verdict": {"prior": "x"}}}, "verdict"), ({"job": {"publish": {"threshold": 1.5}}}, "'threshold'"),
        ({"job": {"publish": {"at_risk": [1]}}}, "at_risk"), ({"secret": ["x"]}, "'secret'"),
        ({"against": [{}]}, "release"), ({"against": [{"release": "x", "title": "y", "digest": "z", "tables": {
            "counts": {"dimensions": [["a", ["b"]]], "cells": [[0.0, 1.0, None]]}}}]}, "counts"),
        ({"files": {"posterior.nc": 1}}, "files"),
    ],
)  # fmt: skip
def test_damage_is_told_with_its_place(entries: dict[str, Any], told: str) -> None:
    with pytest.raises(Damaged, match=told):
        read_record_json({**LEAST, **entries})


@pytest.mark.parametrize("key", LEAST)
def test_what_no_record_is_without(key: str, tmp_path: Path) -> None:
    write_results(tmp_path / "res", national(), lambda _: "page")
    path = tmp_path / "res" / "provenance.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text("utf-8")).items() if k != key}), "utf-8")
    with pytest.raises(InputError, match=rf"damaged: provenance\.json lacks '{key}'"):
        read_results(tmp_path / "res")


def test_earlier_releases_return_as_they_were() -> None:
    cell = OldCell((None, None, None, "f"), 0.0, math.inf, None)
    found = with_counts(national(), {"P": 3})
    (kept,) = read_record_json(old()).against
    assert kept.counts is not None
    entry = EarlierRelease("r", "t", "d", ("2019",), replace(kept.counts, cells=(cell,) * 2), None, {"a": None, "b": 3})
    made = replace(found.record, against=(entry,))
    assert read_record_json(json.loads(json.dumps(record_json(made)))).against == (entry,)
    assert "against" not in entries_of(found)


def _walked(tree: ast.AST) -> list[str]:
    """Return where a record is walked as a dictionary: `.get("…")` or `["…"]` on it, or the name it had as one."""
    found = []
    for node in ast.walk(tree):
        inner: ast.expr | None = None
        if isinstance(node, ast.Attribute) and node.attr == "provenance":
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            inner = node.func.value
        if isinstance(node, ast.Subscript):
            inner = node.value
        if inner is not None and any(
            isinstance(x, ast.Attribute) and x.attr in ("record", "settings") for x in ast.walk(inner)
        ):
            found.append(ast.unparse(node))
    return found


def test_no_record_is_walked_as_a_dictionary() -> None:
    walked = {
        path.name: found for path in sorted(PACKAGE.rglob("*.py"))
        if (found := [x for x in _walked(ast.parse(path.read_text("utf-8"))) if "__" not in x])
    }  # fmt: skip
    assert not walked, walked
    assert _walked(ast.parse("results.record.job.settings.get('x')")) and _walked(ast.parse("r.provenance['a']"))
