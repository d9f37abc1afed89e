"""Registrations and their quality on a page: one system with its margins, and shares that give no count away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from mse.answers.results import Results
from mse.publish.registrationquality import SafeFlow, column_quality, safe_flow, timeliness
from mse.publish.report.html import compose
from mse.publish.report.page import Page, Sheet
from tests.examples import national, parts
from tests.examples.recorded import counts_of, with_counts, with_entries

STEPS = ("delivered", "valid", "distinct", "in period")
LISTS = parts.LISTS


def with_tables(found: Results, **tables: pd.DataFrame) -> Results:
    return replace(found, tables={**found.tables, **tables})


def quality_of(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["list", "measure", "item", "count", "of"])


def many_persons() -> Results:
    """Return a result on whose lists no count of persons is small."""
    found = parts.national()
    return with_counts(found, {name: n * 1000 for name, n in counts_of(found).items()}, LISTS)


def sheets(page: Page) -> list[Sheet]:
    return [block for x in page.sections if x.key == "quality" for block in x.blocks if isinstance(block, Sheet)]


def test_a_share_gives_no_small_count_away() -> None:
    """9 of 228 rows: the base and the share beside "under 10" said it."""
    found = quality_of(
        ("P", "completeness", "sex", 219, 228), ("P", "validity", "sex", 219, 219),
        ("P", "completeness", "date", 228, 228), ("P", "validity", "date", 219, 228),
        ("P", "completeness", "form", 130, 228), ("P", "validity", "form", 130, 130),
        ("P", "rejected", "date_format, date", 9, 228), ("P", "late", "more than 90 days", 9, 228),
    )  # fmt: skip
    told = {x.column: x for x in column_quality(with_tables(many_persons(), quality=found))}
    assert told["sex"].filled is None and told["date"].valid is None and told["form"].filled == 0.57
    page = compose(with_tables(many_persons(), quality=found), "en")
    shown = [cell.words.text for table in sheets(page) for row in table.rows for cell in row.cells]
    assert not {"9", "228", "219", "under 10", "4%", "3.9%", "96%"} & set(shown)


def test_all_of_it_is_said_to_be_all_of_it() -> None:
    """Every share of exactly 1 was printed as "under 10"."""
    found = quality_of(("P", "completeness", "date", 240, 240), ("P", "validity", "date", 240, 240))
    assert column_quality(with_tables(many_persons(), quality=found))[0].filled == 1.0
    for language, said in (("en", "100%"), ("nl", "100%")):
        (table,) = sheets(compose(with_tables(many_persons(), quality=found), language))
        assert [cell.words.text for cell in table.rows[0].cells] == ["P", "date", said, said]


def test_what_is_left_out_is_never_alone() -> None:
    rows = [("P", "completeness", x, 500, 500) for x in "abc"]
    rows += [("P", "validity", x, n, 500) for x, n in zip("abc", (495, 480, 470), strict=True)]
    told = column_quality(with_tables(many_persons(), quality=quality_of(*rows)))
    assert [x.valid is None for x in told] == [True, False, True]


def test_days_are_told_of_enough_entries_only() -> None:
    days = [("P", "days", "entry, median", 12.0, np.nan), ("P", "days", "entry, nine in ten", 80.0, np.nan)]
    last = [("P", "days", "last registration to drawing", 3.0, np.nan)]
    for entries, told in ((9.0, None), (300.0, 12)):
        rows = quality_of(*days, *last, ("P", "late", "more than 90 days", entries / 3, entries))
        (found,) = timeliness(with_tables(many_persons(), quality=rows))
        assert found.median == told
    undated = quality_of(*days, ("P", "rows", "in period", 305, 400), ("P", "late", "more than 90 days", 100, 300))
    assert timeliness(with_tables(many_persons(), quality=undated))[0].late is None


def flow_of(left: np.ndarray) -> pd.DataFrame:
    rows = [(step, name, int(left[i, j])) for j, step in enumerate(STEPS) for i, name in enumerate(LISTS)]
    rows += [(step, "all", int(left[:, j].sum())) for j, step in enumerate(STEPS)]
    return pd.DataFrame(rows, columns=["step", "list", "count"])


def attacked(safe: SafeFlow, left: np.ndarray) -> list[tuple[int, float, float]]:
    """Return of every count that is left out what it is, and between which ends it can be."""
    size = len(LISTS) * len(STEPS)
    fate = np.column_stack([left[:, :-1] - left[:, 1:], left[:, -1:]]).ravel()

    def cells(name: str, first: int, last: int) -> np.ndarray:
        at = np.zeros((len(LISTS), len(STEPS)))
        at[LISTS.index(name) if name != "all" else slice(None), first : last + 1] = 1
        return at.ravel()

    told, hidden = [], []
    for i, step in enumerate(STEPS):
        for name in (*LISTS, "all"):
            (told if safe.counts[step, name] is not None else hidden).append(
                (cells(name, i, 3), safe.counts[step, name])
            )
            if i:
                (told if safe.lost[step, name] is not None else hidden).append(
                    (cells(name, i - 1, i - 1), safe.lost[step, name])
                )
    equal = {"A_eq": np.array([x for x, _ in told]), "b_eq": [n for _, n in told]} if told else {}
    found = []
    for target, _ in hidden:
        low = linprog(target, bounds=[(0, None)] * size, **equal)
        high = linprog(-target, bounds=[(0, None)] * size, **equal)
        found.append((int(target @ fate), low.fun, np.inf if high.status == 3 else -high.fun))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_an_attacker_learns_no_small_count_of_registrations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lost = rng.choice([0, 3, 9, 15, 40, 200], size=(len(LISTS), 3), p=[0.2, 0.2, 0.1, 0.2, 0.2, 0.1])
    used = rng.integers(5, 900, size=len(LISTS))
    left = np.column_stack([used + lost[:, j:].sum(axis=1) for j in range(4)])
    safe = safe_flow(with_tables(many_persons(), flow=flow_of(left)))
    assert safe is not None
    for count, low, high in attacked(safe, left):
        if 0 < count < 10:
            assert low < 1e-6 and high > 10 - 1e-6
        else:
            assert high - low > 10 - 1e-6


def test_registrations_of_a_list_whose_persons_are_left_out_are_left_out_with_every_sum() -> None:
    found = parts.national()
    small = {"P": 900, "K": 3, "I": 400, "P+I": 40, "Z": 700, "Z+I": 60, "P+K": 2}
    found = with_counts(found, small, LISTS)
    left = np.array([[1000, 980, 960, 940], [12, 12, 12, 12], [500, 500, 500, 480], [900, 880, 860, 800]])
    safe = safe_flow(with_tables(found, flow=flow_of(left)))
    assert safe is not None
    assert all(safe.counts.get((step, name)) is None for step in STEPS for name in ("K", "all"))


@pytest.mark.parametrize(("persons", "told"), [(8_611, True), (9_980, False)])
def test_persons_who_differ_by_few_from_those_registered_are_left_out(persons: int, told: bool) -> None:
    found = national.national()
    flow = found.tables["flow"].copy()
    flow.loc[flow["step"] == "persons", "count"] = persons
    safe = safe_flow(with_tables(found, flow=flow))
    assert safe is not None and (safe.counts["persons", "all"] is not None) is told


def test_tables_that_round_are_rounded_here_too() -> None:
    found = many_persons()
    found = with_entries(found, job={**found.record.job.settings, "publish": {"method": "controlled", "base": 5}})
    left = np.array([[1003, 981, 962, 941], [812, 802, 802, 799], [503, 501, 500, 480], [907, 880, 861, 801]])
    safe = safe_flow(with_tables(found, flow=flow_of(left)))
    assert safe is not None
    told = [x for x in safe.counts.values() if x is not None]
    assert all(x % 5 == 0 for x in told)
