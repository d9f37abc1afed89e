"""Areas with fewer persons than the verdict asks for: in no page and no file of a multilevel result."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mse.answers.results import PUBLIC, write_results
from mse.answers.strata import ALL
from mse.publish.publishedparts import published_parts
from mse.publish.release.bundle import write_release
from mse.publish.report.html import render_pages
from mse.publish.takeaway import take_away
from mse.tables.captures import CaptureTable
from tests.examples.areas import country
from tests.publish.attacker import LISTS, attacked, below_promise, raw_count, read_release, result


def areas() -> CaptureTable:
    """Return a country of twelve areas in two years, half of them with a handful of persons."""
    table, _, _, _ = country(5, 3, 3, ("2019", "2020"), "ABCD", persons=12.0, spread=1.0)
    return CaptureTable.from_arrays(LISTS, table.counts, strata=table.strata, name="areas")


def test_areas_below_the_floor_are_in_no_page_and_no_file(tmp_path: Path) -> None:
    table = areas()
    found = result(table, languages=["en", "nl"])
    found = replace(found, headline=replace(found.headline, method="multilevel"))
    seen = table.counts.sum(axis=1).reshape(2, -1).sum(axis=0)
    names = table.strata["area"]
    few = {name for name, n in zip(names, seen, strict=True) if 0 < n < 10}
    assert len(few) > 2

    parts = {x.levels["area"]: x for x in published_parts(found).margin("area")}
    assert not [x for x in few if parts[x].status == "ok"]
    for name in few:
        assert parts[name].observed is None

    write_results(tmp_path / "out", found, render_pages)
    release = write_release(tmp_path / "out")
    taken = take_away(tmp_path / "out", tmp_path / "away")
    for folder in (release, taken):
        for path in sorted(folder.rglob("*.csv")):
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            for row in frame.to_dict("records"):
                at = few & {str(x) for x in row.values()}
                numbers = {k: x for k, x in row.items() if k != "prob" and re.fullmatch(r"[\d.,]+", x)}
                numbers = {k: x for k, x in numbers.items() if x not in ("2019", "2020")}
                assert not at or not numbers, (path.name, row)
    figures = json.loads((release / "figures.json").read_text())
    for row in figures["figures"]:
        assert row["value"] is None or not any(x in json.dumps([row["name"], row["period"]]) for x in few), row
    for part in figures["verdict"]["parts"]:
        if part["where"].get("area") in few:
            assert set(part) == {"where", "level", "because"} and part["level"] == "do not publish"
    pages = sorted((tmp_path / "out" / PUBLIC).glob("report*.html"))
    assert len(pages) == 2
    for page in pages:
        text = page.read_text()
        for row in re.findall(r"<tr[^>]*>.*?</tr>", text, re.S):
            plain = re.sub(r"<[^>]+>", "|", row)
            if any(f"|{x}|" in plain for x in few):
                assert not re.search(r"\d", re.sub(r"[AIG]\d+|20(19|20)", "", plain)), plain
    known = [read_release(release)]
    hidden = attacked(known)
    assert {dict(at).get("area", ALL) for _, at in hidden} >= few
    for (_, at), (low, high) in hidden.items():
        assert not below_promise(raw_count(table, at), low, high), at
    assert np.isfinite([x.size.point for x in parts.values() if x.status == "ok"]).all()
