"""The public tables in data/: what a package must say, and that its table is what it says.

Run as a script, this file rewrites the table in data/README.md from the packages.
"""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
GOLDEN = ROOT / "tests" / "golden"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

NAMES = sorted(p.parent.name for p in DATA.glob("*/datapackage.json"))
OBSERVED = {
    "artificial-3": 96,
    "australia-2015-2017-4": 414,
    "casanare-colombia-6": 5035,
    "colombia-recruitment-8": 19226,
    "congenital-massachusetts-5": 537,
    "cottontail-6": 76,
    "diabetes-italy-4": 2069,
    "gaza-2023-2024-3": 29271,
    "golf-tees-2": 162,
    "hepatitis-taiwan-3": 271,
    "hiv-rome-4": 1896,
    "irregular-immigrants-netherlands-repeat": 1880,
    "korea-palembang-3": 123,
    "kosovo-1999-4": 4400,
    "lesbian-allegheny-4": 2185,
    "netherlands-2010-2015-5": 8234,
    "netherlands-2010-2015-6": 8234,
    "new-orleans-5-n185": 185,
    "new-orleans-5-n186": 186,
    "new-orleans-8-n185": 185,
    "new-orleans-8-n186": 186,
    "new-zealand-2013-4": 4410624,
    "new-zealand-2018-4": 4793973,
    "new-zealand-census-4": 4401990,
    "peru-1980-2000-3": 24692,
    "philippines-caloocan-2016-2017-11": 885,
    "philippines-manila-2016-2017-8": 733,
    "scotland-hcv-2009-4": 18782,
    "scotland-pwid-2006-4": 5670,
    "simulated-registers-4": 1043,
    "spina-bifida-3": 626,
    "spina-bifida-3-ethnicity": 621,
    "taxicab-edinburgh-repeat": 283,
    "traffic-accidents-repeat": 1621,
    "uk-2013-4": 2428,
    "uk-2013-5": 2744,
    "uk-2013-6": 2744,
    "western-us-5": 345,
}
ISO = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def package(name):
    return json.loads((DATA / name / "datapackage.json").read_text(encoding="utf-8"))


def resource(name):
    (only,) = package(name)["resources"]
    return only


def facts(name):
    return package(name)["mse"]


def table(name):
    return pd.read_csv(DATA / name / "table.csv")


def cells(frame, lists):
    """Count of each non-empty history, as {set of lists: count}, zeros left out."""
    out = {}
    for row in frame.to_dict("records"):
        history = frozenset(name for name in lists if row[name])
        if history and row["count"]:
            out[history] = out.get(history, 0) + row["count"]
    return out


def derive(rule):
    """Apply a `derived_from` rule: a merged list is on if any of its parts is; a dropped list goes."""
    frame, lists = table(rule["table"]), list(facts(rule["table"])["lists"])
    for new, parts in rule["merge"].items():
        frame[new] = frame[parts].max(axis=1)
        lists = [name for name in lists if name not in parts] + [new]
    return cells(frame, [name for name in lists if name not in rule["drop"]])


def readme_table():
    """The table of data/README.md, one row a package."""
    rows = ["| table | what | territory | period | lists | observed |", "|---|---|---|---|---:|---:|"]
    for name in NAMES:
        fact, period = facts(name), facts(name)["period"]
        if isinstance(period, dict):
            period = " to ".join(dict.fromkeys([period["start"], period["end"]]))
        lists = str(len(fact["lists"])) if fact["lists"] else "one register"
        if fact["covariates"]:
            lists += f" + {len(fact['covariates'])} covariate{'s' * (len(fact['covariates']) > 1)}"
        row = [f"[{name}]({name}/datapackage.json)", package(name)["title"], fact["territory"], period]
        rows.append("| " + " | ".join([*row, lists, f"{fact['observed']:,}"]) + " |")
    return "\n".join(rows)


def test_every_folder_is_a_package_and_every_table_is_known():
    folders = {p.name for p in DATA.iterdir() if p.is_dir()}
    assert folders == set(NAMES) == set(OBSERVED)
    for name in NAMES:
        assert {p.name for p in (DATA / name).iterdir()} == {"table.csv", "datapackage.json"}


def test_files_are_utf8_without_bom_and_with_plain_line_ends():
    files = [p for p in DATA.rglob("*") if p.is_file()]
    assert len(files) > 2 * len(NAMES)
    for path in files:
        raw = path.read_bytes()
        raw.decode("utf-8")
        assert not raw.startswith(b"\xef\xbb\xbf"), path
        assert b"\r" not in raw and raw.endswith(b"\n") and not raw.endswith(b"\n\n"), path


@pytest.mark.parametrize("name", NAMES)
def test_digest_and_size_are_those_of_the_file(name):
    res, raw = resource(name), (DATA / name / "table.csv").read_bytes()
    assert res["path"] == "table.csv"
    assert res["bytes"] == len(raw)
    assert res["hash"] == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert (res["type"], res["format"], res["mediatype"], res["encoding"]) == (
        "table",
        "csv",
        "text/csv",
        "utf-8",
    )


@pytest.mark.parametrize("name", NAMES)
def test_package_says_the_same_in_dutch(name):
    """Title, population, territory and lists in Dutch; notes too where they are there; with the same numbers."""
    pkg, fact = package(name), facts(name)
    own = fact["nl"]
    assert set(own) - {"notes"} == {"title", "population", "territory", "lists"}
    assert list(own["lists"]) == fact["lists"]
    assert all(text.strip() for text in (own["title"], own["population"], own["territory"], *own["lists"].values()))

    def figures(text):
        return sorted(re.sub(r"[.,](?=\d{3})", "", number) for number in re.findall(r"\d[\d.,]*\d|\d", text))

    pairs = [(pkg["title"], own["title"]), (fact["population"], own["population"])]
    pairs += zip(fact["notes"], own.get("notes", fact["notes"]), strict=True)
    for english, dutch in pairs:
        assert figures(english) == figures(dutch), (english, dutch)


@pytest.mark.parametrize("name", NAMES)
def test_package_says_where_who_when_and_under_what_terms(name):
    pkg, fact = package(name), facts(name)
    assert pkg["name"] == name
    assert pkg["title"] and pkg["description"]
    assert pkg["sources"] and all(source["title"] for source in pkg["sources"])
    assert all(source["path"].startswith("https://") for source in pkg["sources"] if "path" in source)
    for key in ("population", "territory", "unit", "licence_note"):
        assert fact[key].strip(), key
    assert fact["notes"] and all(note.strip() for note in fact["notes"])
    period = fact["period"]
    if isinstance(period, dict):
        assert set(period) == {"start", "end"}
        assert all(ISO.fullmatch(day) for day in period.values())
        assert period["start"] <= period["end"]
    else:
        assert period.strip()
    finer = [fact["derived_from"]["table"]] if "derived_from" in fact else []
    assert set(fact.get("related", [])) | set(finer) <= set(NAMES) - {name}


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_declared_and_has_a_meaning(name):
    fields, fact = resource(name)["schema"]["fields"], facts(name)
    assert [field["name"] for field in fields] == list(table(name).columns)
    assert all(field["title"].strip() and field["description"].strip() for field in fields)
    keys = fact["lists"] + fact["covariates"] + ([fact["registrations"]] if "registrations" in fact else [])
    assert [field["name"] for field in fields] == [*keys, fact["count"]]
    assert resource(name)["schema"]["primaryKey"] == keys
    assert fact["kind"] == ("overlap" if fact["lists"] else "repeat-counts")
    assert (fact["kind"] == "repeat-counts") == ("registrations" in fact)


@pytest.mark.parametrize("name", NAMES)
def test_cells_keep_to_the_declared_levels(name):
    frame, fact = table(name), facts(name)
    assert not frame.isna().any(axis=None)
    assert pd.api.types.is_integer_dtype(frame["count"]) and (frame["count"] > 0).all()
    for field in resource(name)["schema"]["fields"]:
        allowed = field["constraints"].get("enum")
        if field["name"] in fact["lists"]:
            assert allowed == [0, 1]
        if field["name"] in fact["covariates"]:
            assert set(frame[field["name"]]) == set(allowed)
        elif allowed is not None:
            assert set(frame[field["name"]]) <= set(allowed)
    if fact["lists"]:
        assert frame[fact["lists"]].any(axis=1).all(), "the never-seen history must have no row"
        assert (frame[fact["lists"]].sum() > 0).all(), "a list that nobody is on"


@pytest.mark.parametrize("name", NAMES)
def test_no_history_stands_twice(name):
    assert not table(name).duplicated(resource(name)["schema"]["primaryKey"]).any()


@pytest.mark.parametrize("name", NAMES)
def test_observed_is_the_sum_of_the_counts(name):
    assert table(name)["count"].sum() == facts(name)["observed"] == OBSERVED[name]


DERIVED = [name for name in NAMES if "derived_from" in facts(name)]


def test_the_merged_tables_are_those_we_know():
    assert DERIVED == [
        "netherlands-2010-2015-5",
        "new-orleans-5-n185",
        "new-orleans-5-n186",
        "uk-2013-4",
        "uk-2013-5",
    ]


@pytest.mark.parametrize("name", DERIVED)
def test_a_merged_table_is_the_merge_of_the_finer_one(name):
    assert derive(facts(name)["derived_from"]) == cells(table(name), facts(name)["lists"])


def test_dropping_the_public_from_the_uk_table_loses_those_it_alone_named():
    assert cells(table("uk-2013-5"), facts("uk-2013-5")["lists"])[frozenset(["GP"])] == 2744 - 2428


@pytest.mark.parametrize("lists", [5, 8])
def test_the_new_orleans_versions_differ_in_one_cell(lists):
    small, large = (
        cells(table(f"new-orleans-{lists}-n{n}"), facts(f"new-orleans-{lists}-n{n}")["lists"]) for n in (185, 186)
    )
    assert {h: (small[h], large[h]) for h in large if small[h] != large[h]} == {frozenset("CD"): (1, 2)}
    assert set(small) == set(large)


def test_the_spina_bifida_lists_run_in_opposite_orders():
    whole = cells(table("spina-bifida-3"), ["L1", "L2", "L3"])
    mirror = table("spina-bifida-3-ethnicity").rename(columns={"S1": "L3", "S2": "L2", "S3": "L1"})
    part = cells(mirror, ["L1", "L2", "L3"])
    excess = [whole[history] - part[history] for history in whole]
    assert min(excess) >= 0 and sum(excess) == 5


def test_the_congenital_lists_have_the_documented_totals():
    frame = table("congenital-massachusetts-5")
    totals = [int(frame.loc[frame[name] == 1, "count"].sum()) for name in ("L1", "L2", "L3", "L4", "L5")]
    assert totals == [183, 215, 36, 263, 252]


def test_censored_cells_are_the_s4_only_cells_of_the_scottish_table():
    assert [name for name in NAMES if "censored" in facts(name)] == ["scotland-pwid-2006-4"]
    (rule,) = facts("scotland-pwid-2006-4")["censored"]
    frame = table("scotland-pwid-2006-4")
    held = frame[(frame[list(rule["history"])] == pd.Series(rule["history"])).all(axis=1)]
    assert rule["history"] == {"S1": 0, "S2": 0, "S3": 0, "S4": 1} and rule["count_is"] == "upper bound"
    assert len(held) == rule["cells"] == frame[["Region", "Gender", "Age"]].drop_duplicates().shape[0]
    assert held["count"].sum() == rule["observed"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("new-orleans-8-n185", ["n = 185", "n = 186", "1,184", "1,034", "997"]),
        ("new-orleans-5-n186", ["n = 185", "n = 186", "1,110", "981", "949"]),
        ("australia-2015-2017-4", ["1,342", "1,897", "NOT a target", "6,496"]),
        ("netherlands-2010-2015-6", ["NOT STABLE", "43,585", "116,667", "7,785,061"]),
        ("netherlands-2010-2015-5", ["NOT STABLE", "43,585", "116,667"]),
        ("scotland-pwid-2006-4", ["UPPER BOUNDS", "censored"]),
        ("scotland-hcv-2009-4", ["21,266", "20,582", "22,140", "saturated"]),
        ("artificial-3", ["ARTIFICIAL", "not identifiable", "does not exist"]),
        ("simulated-registers-4", ["SIMULATED"]),
        ("irregular-immigrants-netherlands-repeat", ["ONE register", "number of registrations"]),
    ],
)
def test_the_traps_are_told(name, words):
    notes = " ".join(facts(name)["notes"])
    assert [word for word in words if word not in notes] == []


def test_published_figures_are_well_formed():
    for name in NAMES:
        for figure in facts(name).get("published", []):
            assert figure["what"] and figure["source"]
            assert facts(name)["observed"] < figure["lower"] < figure["upper"]
            assert figure["lower"] < figure.get("estimate", figure["upper"]) <= figure["upper"]


@pytest.mark.parametrize("name", [name for name in NAMES if "true_size" in facts(name)])
def test_a_true_size_is_told_and_holds_those_observed(name):
    size = facts(name)["true_size"]
    assert size > facts(name)["observed"]
    assert any("TRUE SIZE" in note and f"{size:,}" in note for note in facts(name)["notes"])


def test_tables_of_the_same_people_are_one_study():
    assert {name for name in NAMES if facts(name).get("study") == "new-zealand"} == {
        "new-zealand-census-4",
        "new-zealand-2013-4",
        "new-zealand-2018-4",
    }


def test_readme_table_is_the_generated_one():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == readme_table(), "run: python tests/test_data.py"


def golden_models():
    return sorted(p for p in (GOLDEN / "rcapture").iterdir() if ".models.csv" in p.name)


@pytest.mark.parametrize("path", golden_models(), ids=lambda p: p.name.split(".")[0])
def test_golden_model_tables_are_complete(path):
    frame = pd.read_csv(path)
    lists = len(set("".join(frame["model"])) & set("123456"))
    assert len(frame) == frame["model"].nunique() == {3: 8, 4: 113, 5: 6893}[lists]
    assert not frame[["abundance", "deviance", "df", "BIC", "infoFit"]].isna().any(axis=None)


def test_golden_records_speak_of_the_tables_we_ship():
    records = [json.loads(p.read_text(encoding="utf-8")) for p in GOLDEN.glob("*/*.json")]
    records = [r for record in records for r in (record if isinstance(record, list) else [record])]
    sized = [r for r in records if "n" in r]
    assert len(sized) > 40
    for record in sized:
        assert record["n"] == OBSERVED[record["dataset"].removesuffix("-collapsed")]
        assert record["package"]


def test_golden_gzip_carries_no_time_and_no_name():
    paths = sorted(GOLDEN.rglob("*.gz"))
    assert paths
    for path in paths:
        head = path.read_bytes()[:8]
        assert head[3] == 0 and head[4:8] == bytes(4), path
        with gzip.open(path) as file:
            assert b"\r" not in file.read()


if __name__ == "__main__":
    readme = DATA / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    text = before + BEGIN + "\n" + readme_table() + "\n" + END + rest.split(END)[1]
    readme.write_text(text, encoding="utf-8", newline="\n")
