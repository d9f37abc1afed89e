"""From registrations to an overlap table: exact linkage, referrals, units, labels, blind lists, flow."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import duckdb
import pandas as pd
import pytest

from mse.errors import InputError
from mse.intake.flow import ALL, Count, delivered_counts, flow_diagram, linked_counts, to_frame
from mse.intake.linkage.linking import COUNTED, count_registrations, link_exactly
from mse.intake.tabulate import NOT_KNOWN, Declared, Layout, count_cells, levels_of, make_units, to_tables
from mse.tables.captures import CaptureTable
from tests.twins.intake import link_exactly as twin_link
from tests.twins.intake import tabulate as twin_tabulate
from tests.twins.intake import without_referrals as twin_referrals

LISTS = ("P", "I", "R")
FORMS, SEXES = ["sexual", "labour", "criminal"], ["f", "m"]
COLUMNS = ("list", "source", "row", "key", "date", "year", "form", "sex", "referred_from")


def registrations(n: int, seed: int) -> list[dict[str, Any]]:
    """Return random rows: persons on several lists, in several years, with conflicting and missing labels."""
    rng, rows = random.Random(seed), []
    for i in range(n):
        name = rng.choice(LISTS)
        year = rng.choice(["2016", "2017", "2017", None])
        forms = [x for x in FORMS if name != "I" or x != "sexual"]
        rows.append(
            {"list": name, "source": f"{name}.csv", "row": i + 2,
             "key": rng.choice([f"k{rng.randrange(n // 3)}", None]),
             "date": f"{year or 2016}-{rng.randrange(1, 13):02}-01", "year": year,
             "form": rng.choice([*forms, None]), "sex": rng.choice([*SEXES, None]),
             "referred_from": rng.choice([None, None, *LISTS])}
        )  # fmt: skip
    again = rng.choice(rows)
    return [*rows, {**again, "form": "criminal"}]  # one registration with two codes stands in two rows


def database(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    con.register("given", frame)
    con.execute(
        "CREATE TABLE registrations AS SELECT list::VARCHAR AS list, source::VARCHAR AS source, row::BIGINT AS row, "
        "key::VARCHAR AS key, date::DATE AS date, year::VARCHAR AS year, form::VARCHAR AS form, sex::VARCHAR AS sex, "
        "referred_from::VARCHAR AS referred_from FROM given"
    )
    return con


def layout_of(con: duckdb.DuckDBPyConnection, *dims: str, **options: Any) -> Layout:
    stated = {"form": FORMS, "sex": SEXES}
    return Layout(LISTS, {dim: levels_of(con, dim, stated.get(dim, ())) for dim in dims}, **options)


def tabulated(con: duckdb.DuckDBPyConnection, layout: Layout, *, remove: bool = False) -> CaptureTable:
    link_exactly(con)
    count_registrations(con, LISTS, remove_referrals=remove)
    make_units(con, COUNTED, layout)
    return to_tables([count_cells(con, layout)], layout)[0]


def cells_of(table: CaptureTable) -> Counter[tuple[Any, ...]]:
    frame = table.to_pandas(zeros=False)
    out: Counter[tuple[Any, ...]] = Counter()
    for _, row in frame.iterrows():
        on = frozenset(name for name in table.lists if row[name])
        out[(on, *(None if row[dim] == NOT_KNOWN else row[dim] for dim in table.strata))] += int(row["count"])
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("dims", "options"),
    [
        (("year", "form", "sex"), {}),
        (("form", "sex"), {"unit": "person"}),
        (("year", "form"), {"unit": "person", "rules": {"form": "combined"}}),
        (("form",), {"rules": {"form": "first"}}),
        ((), {}),
    ],
)
def test_equal_to_the_twin(seed: int, dims: tuple[str, ...], options: dict[str, Any]) -> None:
    rows = registrations(300, seed)
    con = database(rows)
    layout = layout_of(con, *dims, **options)
    person = twin_link(rows)
    expected = twin_tabulate(rows, person, list(LISTS), {d: list(x) for d, x in layout.levels.items()}, **options)
    assert cells_of(tabulated(con, layout)) == expected
    kept = twin_referrals(rows, person, list(LISTS))
    fewer = twin_tabulate(
        [rows[i] for i in kept], [person[i] for i in kept], list(LISTS),
        {d: list(x) for d, x in layout.levels.items()}, **options,
    )  # fmt: skip
    assert cells_of(tabulated(con, layout, remove=True)) == fewer


@pytest.mark.parametrize("seed", range(4))
def test_nobody_stands_where_a_list_is_blind(seed: int) -> None:
    rows = registrations(300, seed)
    con = database(rows)
    layout = layout_of(con, "year", "form", declared=(Declared("I", {"form": ("sexual",)}, "blind"),))
    table = tabulated(con, layout)
    blind = {"I": {"form": ["sexual"]}}
    levels = {d: list(x) for d, x in layout.levels.items()}
    assert cells_of(table) == twin_tabulate(rows, twin_link(rows), list(LISTS), levels, blind=blind)
    on_list = table.membership()[:, 1]
    sexual = [x[1] == "sexual" for x in pd.MultiIndex.from_product(list(table.strata.values()))]
    assert not table.observable[sexual][:, on_list].any()
    assert table.observable[[not x for x in sexual]].all()


def test_a_list_that_was_closed_is_missing_and_not_blind() -> None:
    rows = [row for row in registrations(300, 1) if not (row["list"] == "R" and row["year"] != "2017")]
    con = database(rows)
    declared = (Declared("R", {"year": "2016"}, "missing"), Declared("P", {"region": "north"}, "blind"))
    table = tabulated(con, layout_of(con, "year", "sex", declared=declared))
    assert table.observable.all()  # nothing is said of a dimension that the table has not
    years = [x[0] for x in pd.MultiIndex.from_product(list(table.strata.values()))]
    assert table.absent[:, 2].tolist() == [year == "2016" for year in years]
    assert not table.absent[:, :2].any()


def test_registrations_where_a_list_is_blind_are_an_error() -> None:
    con = database([*registrations(60, 1), {**registrations(60, 1)[0], "list": "I", "form": "sexual"}])
    layout = layout_of(con, "form", "year", declared=(Declared("I", {"form": "sexual"}, "blind"),))
    with pytest.raises(InputError, match=r"list I is declared blind in form sexual, and has 1 registrations there"):
        tabulated(con, layout)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = registrations(300, 2)
    shuffled = random.Random(1).sample(rows, len(rows))
    tables = []
    for order in (rows, shuffled):
        con = database(order)
        tables.append(tabulated(con, layout_of(con, "year", "form", "sex"), remove=True))
    assert tables[0] == tables[1]


def test_other_names_of_lists_give_the_same_counts() -> None:
    rows, names = registrations(300, 3), {"P": "Z", "I": "B", "R": "A"}
    other = [{**row, "list": names[row["list"]], "referred_from": names.get(row["referred_from"])} for row in rows]
    con, again = database(rows), database(other)
    layout = layout_of(con, "year", "form", "sex")
    link_exactly(again)
    count_registrations(again, tuple(names.values()), remove_referrals=False)
    renamed = Layout(tuple(names.values()), layout.levels)
    make_units(again, COUNTED, renamed)
    (table,) = to_tables([count_cells(again, renamed)], renamed)
    assert table == tabulated(con, layout).rename(names)


def test_merging_strata_adds() -> None:
    con = database(registrations(300, 4))
    fine = tabulated(con, layout_of(con, "year", "form", "sex"))
    for left_out in ("form", "sex"):
        kept = [dim for dim in fine.strata if dim != left_out]
        assert tabulated(con, layout_of(con, *kept)) == fine.collapse(left_out)
    assert tabulated(con, layout_of(con)) == fine.collapse()


def test_a_person_is_counted_once_in_every_year_or_once_in_all() -> None:
    base = {"source": "f", "row": 1, "key": "a", "form": "labour", "sex": "f", "referred_from": None}
    rows = [
        {**base, "list": name, "date": f"{year}-01-01", "year": year}
        for name, year in zip("PIR", ("2016", "2017", "2018"), strict=True)
    ]
    rows += [{**rows[0], "key": "b", "row": 9}, {**rows[1], "key": "b", "row": 9, "year": "2016"}]
    rows += [{**rows[2], "key": "b", "row": 9, "year": "2016"}]
    con = database(rows)
    yearly = tabulated(con, layout_of(con, "year"))
    assert yearly.observed == 4
    assert yearly.collapse().history_counts().tolist() == [3, 0, 1]
    once = tabulated(con, layout_of(con, "year", unit="person"))
    assert once.observed == 2
    assert list(once.strata["year"]) == ["2016"]


def test_two_lists_that_name_each_other_keep_the_person() -> None:
    base = {"source": "f", "key": "a", "year": "2016", "form": None, "sex": None}
    rows = [
        {**base, "list": "P", "row": 2, "date": "2016-05-01", "referred_from": "R"},
        {**base, "list": "R", "row": 2, "date": "2016-03-01", "referred_from": "P"},
        {**base, "list": "I", "row": 2, "date": "2016-06-01", "referred_from": "Z", "key": "b"},  # no such list
        {**base, "list": "I", "row": 3, "date": "2016-06-01", "referred_from": "P", "key": "c"},  # P does not know c
        {**base, "list": "I", "row": 4, "date": "2016-06-01", "referred_from": "I", "key": "d"},
    ]
    con = database(rows)
    link_exactly(con)
    assert count_registrations(con, LISTS, remove_referrals=False) == 2
    assert count_registrations(con, LISTS, remove_referrals=True) == 1
    left = con.execute(
        f"SELECT list, row FROM registrations r JOIN {COUNTED} ON r.rowid = record ORDER BY ALL"
    ).fetchall()
    assert left == [("I", 2), ("I", 3), ("I", 4), ("R", 2)]


def test_labels_that_nobody_knows_are_counted() -> None:
    con = database(registrations(300, 5))
    table = tabulated(con, layout_of(con, "form"))
    assert table.strata["form"] == (*FORMS, NOT_KNOWN)
    assert table.counts[-1].sum() > 0


def test_levels_stand_in_the_stated_order_and_numbers_as_numbers() -> None:
    rows = [{**row, "sex": x, "form": None} for row, x in zip(registrations(9, 1), ["10", "9", "-1"] * 3, strict=False)]
    con = database(rows)
    assert levels_of(con, "sex") == ("-1", "9", "10")
    assert levels_of(con, "sex", ("9", "11")) == ("9", "-1", "10")
    with pytest.raises(InputError, match="no such column"):
        levels_of(con, "religion")


def test_flow_counts_every_step() -> None:
    rows = registrations(300, 6)
    con = database(rows)
    layout = layout_of(con, "year")
    table = tabulated(con, layout, remove=True)
    read = [("delivered", name, sum(row["list"] == name for row in rows)) for name in LISTS]
    flow = to_frame([*delivered_counts(read), *linked_counts(con, layout, removed=True)])
    assert list(flow.columns) == ["step", "list", "count"]
    said = {(row.step, row.list): row.count for row in map(lambda x: Count(*x), flow.itertuples(index=False))}
    kept = twin_referrals(rows, twin_link(rows), list(LISTS))
    assert said["delivered", ALL] == len(rows)
    assert said["without referrals", ALL] == len({(rows[i]["list"], rows[i]["row"]) for i in kept})
    assert said["persons", ALL] == len({twin_link(rows)[i] for i in kept})
    assert said["person-years", ALL] == table.observed
    assert [said[f"on {k} list{'s' if k > 1 else ''}", ALL] for k in (1, 2, 3)] == table.history_counts().tolist()
    for j, name in enumerate(LISTS):
        on = [said[f"on {k} list{'s' if k > 1 else ''}", name] for k in (1, 2, 3)]
        assert sum(on) == said["person-years", name] == table.list_totals()[j]
    figure = flow_diagram(flow)
    assert figure == flow_diagram(flow)
    assert figure.startswith("<svg") and "http" not in figure.replace("http://www.w3.org/2000/svg", "")
    assert f"<title>From delivered rows to persons on lists: delivered {len(rows):,};" in figure


def test_bad_options_are_named_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Layout(LISTS, {"form": ("a",)}, unit="family", rules={"sex": "majority", "form": "loudest", "year": "first"})  # type: ignore[arg-type, dict-item]
    said = [str(problem.found) for problem in caught.value.problems]
    assert len(said) == 5
    assert "the unit is unknown" in said
    assert "the year takes no rule" in said
