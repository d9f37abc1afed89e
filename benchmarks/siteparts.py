"""Write the parts of the pages under docs/ that are made, not written: ``python -m benchmarks.siteparts``.

From the registry: the table of ``which-method.md`` and the card and publications of every page in ``docs/method``;
from `mse.__all__`: ``api.md``; from the table of published answers in ``truth.md``: the gallery. A test holds them.
"""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.galleryfigure import draw, pair_of
from benchmarks.pages import DOCS, ROOT
from benchmarks.studies import STUDIES, Study
from mse.estimators.methodspecs import spec_of
from mse.estimators.naming import label_of
from mse.estimators.registry import METHODS, Method
from mse.shipped import load_repeats, load_table, table_info
from mse.tables.checks import MOST_LISTS

HOLDS = {
    "models": "which interactions there are, and departures from the identifying assumption",
    "identified": "which model; the identifying assumption is taken for granted",
    "one model": "sampling, under one model",
    "assumed": "sampling; how lists depend is assumed",
}
"""What the interval of a method holds, by what the method rests on."""

ONE_REGISTER = "how the rates differ, too many ones, and learned departures"
"""The same for the default of one register."""

READS = {
    "CaptureTable": "overlap table",
    "HistoryTable": "persons on up to 62 lists",
    "RepeatCounts": "repeats in one register",
    "PersonTable": "persons with covariates",
}

WHEN = {
    "auto": "You have no reason to choose",
    "shrinkage": "You want one model that leaves nothing out",
    "average": "You want every model weighed, and no departures",
    "search-average": "The same on seven lists and more",
    "decomposable": "You want an answer that dga users know, at once",
    "latent-class": "Persons fall into groups that lists see differently",
    "loglinear": "You want one model that you can name",
    "stepwise": "You repeat a study that used SparseMSE",
    "downhill": "You want one model and there are too many to list",
    "bootstrap": "You want one model, with the choice inside the interval",
    "profile": "You want the likelihood interval of one model",
    "independence": "A first look; never alone",
    "chapman": "Two lists, and a reason why they are independent",
    "chao": "You want a floor",
    "sample-coverage": "A quick check beside another method",
    "mh": "You repeat a study that used Rcapture's Mh",
    "mth": "You repeat a study that used Rcapture's Mth",
    "mb": "Occasions in their order, and being seen changes what follows",
    "covariates": "One model with covariates, by formula",
    "dutch-method": "You repeat the Dutch monitor",
    "average-strata": "Few covariates, the choice of model inside",
    "multilevel": "Years, forms and groups at once",
    "repeats": "One register in which persons come back",
    "doubly-robust": "Persons with covariates that explain both lists",
}
"""When a method is the one to take; a test wants a line for every method."""


def fact_rows(name: str, row: Method) -> Iterator[tuple[str, str]]:
    """Yield what the registry says of a method, for its card."""
    reads = [READS[kind] for kind in (row.reads, *row.also)]
    yield "reads", "; ".join(reads)
    if row.reads in ("CaptureTable", "PersonTable"):
        yield "lists", f"{row.lists[0]} to {min(row.lists[1], MOST_LISTS)}"
    yield "strata", strata_words(row)
    yield "interval holds", held_words(row)
    if row.identified is not None:
        yield "departures", "always inside" if name == "auto" else "inside with `departures = true`"
    if row.bound:
        yield "number", "a lower bound"
    yield "in `mse compare`", compared_words(row)
    yield "options", f"[all options](../commands.md#{name}), spec `mse.estimators.{row.module}.{row.spec}`"


def held_words(row: Method) -> str:
    """Return what the interval of a method holds, in words."""
    return ONE_REGISTER if row.reads == "RepeatCounts" else HOLDS[row.basis]


def compared_words(row: Method) -> str:
    """Return whether `mse.compare` runs a method without being asked, in words."""
    if row.slow_beyond:
        return f"yes, up to {row.slow_beyond} lists"
    if row.useful_from:
        return f"from {row.useful_from} lists on"
    return "yes" if row.compared(5, row.strata) else "only when named"


def strata_words(row: Method) -> str:
    """Return what a method does with covariates, in words."""
    if row.reads == "RepeatCounts":
        return "covariates of the rate, by formula"
    if row.reads == "PersonTable":
        return "covariates of persons"
    if row.strata:
        return "estimated together"
    together = "estimated together with `strata = true`"
    return f"summed over; {together}" if row.asked else "summed over, or one by one with `by`"


def card(name: str) -> str:
    """Return the facts of a method as a small table."""
    rows = "\n".join(f"| {key} | {value} |" for key, value in fact_rows(name, METHODS[name]))
    return f"| `{name}` | {label_of(name, {})} |\n|---|---|\n{rows}"


def citations(name: str) -> tuple[str, ...]:
    """Return the publications that an answer of a method lists."""
    row = METHODS[name]
    if name == "auto":
        return (*citations("shrinkage"), *import_module("mse.assess.calibrated").CITATIONS)
    homes = (f"mse.estimators.{row.module}", "mse.estimators.shrinkage.accounts")
    module = import_module(homes[name == "shrinkage"])
    if found := getattr(module, "CITATIONS", ()):
        return tuple(found)
    if row.reads == "RepeatCounts":
        return tuple(module.estimate(load_repeats("taxicab-edinburgh-repeat"), spec_of(name)(), seed=1).citations)
    if name == "doubly-robust":
        return ("Das, M., Kennedy, E.H. & Jewell, N.P. (2023). Doubly robust capture-recapture methods for estimating "
                "population size. Journal of the American Statistical Association 119, 1309-1321",)  # fmt: skip
    return tuple(module.estimate(load_table("spina-bifida-3"), spec_of(name)(), seed=1).citations)


def cited(name: str) -> str:
    """Return the publications of a method as a list."""
    return "\n".join(f"- {html.escape(text, quote=False)}" for text in citations(name))


def registry_table() -> str:
    """Return one row for every method: when to take it, what it reads, what its interval holds."""
    rows = ["| method | take it when | lists | strata | its interval holds |", "|---|---|---|---|---|"]
    for name, row in METHODS.items():
        facts = dict(fact_rows(name, row))
        lists = facts.get("lists", facts["reads"])
        cells = (f"[`{name}`](method/{name}.md)", WHEN[name], lists, facts["strata"], held_words(row))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


GROUPS = {
    "Estimate": ("estimate", "compare", "judge", "calibrated", "known_sizes"),
    "Tables": ("CaptureTable", "HistoryTable", "PersonTable", "RepeatCounts", "load_table", "load_repeats",
               "list_tables", "table_info"),
    "Answers": ("Posterior", "Estimate", "Verdict", "Reason", "Distribution", "Thresholds"),
    "Models": ("Model", "fit_model", "LoglinearFit", "rank_models", "profile_interval", "compare_families",
               "compare_pairs", "RepeatsSpec", "DoublyRobustSpec", "multilevel_model", "prior_predictive"),
    "Jobs and results": ("read_job", "plan", "Plan", "run_job", "assess_results", "Job", "Results", "read_results",
                         "write_results", "compare_results", "Compute"),
    "From registers": ("take_in", "simulate_captures", "national_spec"),
    "Publishing": ("plot", "cite", "take_away", "render_report", "write_release", "verify_release"),
    "Errors": ("MseError", "InputError", "ModelError"),
}  # fmt: skip
"""The public names in the order of a reader; what is in none of these stands at the end."""


def api() -> str:
    """Return the reference of the public names: mkdocstrings fills in each from its docstring."""
    import mse

    known = {name: f"mse.{home}.{name}" for name, home in mse._HOMES.items() if not name.startswith("_")}
    groups = {title: tuple(name for name in names if name in known) for title, names in GROUPS.items()}
    rest = tuple(sorted(set(known) - {name for names in groups.values() for name in names}))
    parts = []
    for title, names in {**groups, **({"More": rest} if rest else {})}.items():
        parts.append(f"## {title}")
        parts += [f"::: {known[name]}" for name in names]
    return "\n\n".join(parts)


def studied() -> dict[str, list[str]]:
    """Return the rows of the stored table of published answers in truth.md, by study."""
    stored = part((DOCS / "truth.md").read_text(encoding="utf-8"), "studies")
    return {cells[0]: cells for line in stored.splitlines() if (cells := _cells(line))}


def gallery() -> str:
    """Return the public studies, each with its sources, the published answer and ours, from the table in truth.md."""
    rows = studied()
    return "\n\n".join(_study(study, rows[study.title]) for study in STUDIES if study.title in rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def _study(study: Study, cells: list[str]) -> str:
    info = table_info(study.table)
    where = "".join(f", {dim} {level}" for dim, level in study.where.items())
    sources = "\n".join(
        f"- [{title}]({info.addresses[title]})" if title in info.addresses else f"- {title}" for title in info.sources
    )
    use = "not for citation" if cells[6] == "do not publish" else "to cite"
    lines = [
        f"### {study.title[0].upper()}{study.title[1:]}",
        "",
        f"`{study.table}`{where}: {len(info.lists)} lists, {cells[1]} persons.",
        "",
        "| | number (95 %) |",
        "|---|---|",
        f"| published | {cells[2]} |",
        f"| by | {cells[3]} |",
        f"| **ours, {use}** | **{cells[4]}** |",
        f"| ours, if the identifying assumption held | {cells[5]} |",
        f"| verdict | {cells[6]} |",
        "",
        '??? note "Sources"',
        "",
        *(f"    {line}" for line in sources.splitlines()),
    ]
    return "\n".join(lines)


def glossary() -> str:
    """Return the terms in both languages, in the order of the English ones."""
    listed = tomllib.loads((ROOT / "benchmarks" / "glossary.toml").read_text(encoding="utf-8"))["term"]
    rows = ["| English | Nederlands | what it is | wat het is |", "|---|---|---|---|"]
    for term in sorted(listed, key=lambda term: term["en"]):
        rows.append(f"| **{term['en']}** | **{term['nl']}** | {term['means']} | {term['betekent']} |")
    return "\n".join(rows)


def part(text: str, name: str) -> str:
    """Return the text of a generated part of a page."""
    found = re.search(rf"<!-- begin: {re.escape(name)}(?: [^>]*)?-->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert found is not None, name
    return found[1].rstrip()


def registers_table() -> str:
    """Return how often intervals from one register hold the size, as stored by the two boards."""
    folder = Path(__file__).resolve().parents[1] / "tests" / "calibration"
    known = json.loads((folder / "known-registers.json").read_text(encoding="utf-8"))
    drawn = json.loads((folder / "register-truths.json").read_text(encoding="utf-8"))
    lines = ["| registers | of | 50 % | 80 % | 95 % | median log width |", "|---|---:|---:|---:|---:|---:|"]

    def line(name: str, of: int, row: dict[str, Any]) -> str:
        cover = " | ".join(f"{100 * x:.0f} %" for x in row["coverage"])
        return f"| {name} | {of} | {cover} | {row['median_width']:.2f} |"

    for row in known["results"]:
        lines.append(line(f"known size: {row['setting']}", row["problems"], row))
    for kind, rows in drawn["kinds"].items():
        lines.append(line(f"simulated: {kind}", rows["average"]["registers"], rows["average"]))
    everything = drawn["all"]
    lines.append(line("simulated, all kinds", everything["average"]["registers"], everything["average"]))
    lines.append(line("the same, if a shape held", everything["held"]["registers"], everything["held"]))
    for verdict, row in drawn["verdicts"].items():
        lines.append(line(f"verdict *{verdict}*", row["registers"], row))
    dates = sorted({known["provenance"]["date"], drawn["provenance"]["date"]})
    return "\n".join([*lines, "", f"Stored {', '.join(dates)} (`tests/calibration`)."])


def made(page: str, text: str) -> str:
    """Return a page with its generated parts as they are now."""
    name = Path(page).stem
    makers = {"card": card, "cited": cited}
    whole = {"registers": registers_table, "registry": registry_table, "api": api, "gallery": gallery,
             "glossary": glossary}  # fmt: skip

    def fill(found: re.Match[str]) -> str:
        key = found[1]
        body = makers[key](name) if key in makers else whole[key]() if key in whole else found[2].rstrip("\n")
        return f"<!-- begin: {key} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- begin: (\w+) -->\n(.*?)<!-- end -->", fill, text, flags=re.DOTALL)


def pages() -> list[str]:
    """Return the pages with generated parts."""
    methods = [f"method/{path.name}" for path in sorted((DOCS / "method").glob("*.md"))]
    return ["which-method.md", "api.md", "gallery.md", "glossary.md", *methods]


if __name__ == "__main__":
    draw([pair_of(studied()[study.title]) for study in STUDIES if study.title in studied()])
    for page in pages():
        place = DOCS / page
        place.write_text(made(page, place.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
