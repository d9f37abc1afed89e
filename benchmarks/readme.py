"""Write the real output of its commands into README.md and docs: ``python -m benchmarks.readme [part …]``.

A part stands between ``<!-- begin: … -->`` and ``<!-- end -->``. Without arguments the quick parts are run again;
``netherlands``, ``national`` (minutes) and ``benchmarks`` (``python -m benchmarks.kernels``, all into docs/jobs.md),
``known-sizes`` (``python -m benchmarks.known_sizes``, into docs/assessment.md), ``truths`` and ``frontier``
(``python -m benchmarks.truths``, ``… frontier``, into docs/truth.md), ``disclosure`` (into docs/publishing.md),
``verdicts``, ``calibration`` and ``multilevel`` (``python -m tests.calibration.sbc``, ``… multilevel``, into
docs/methods.md) and ``map`` (the rooms, into CONTRIBUTING.md) are run only when named.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
ASSESSMENT_PAGE = ROOT / "docs" / "assessment.md"
TRUTH_PAGE = ROOT / "docs" / "truth.md"
METHODS_PAGE = ROOT / "docs" / "methods.md"
MULTILEVEL_PAGE = ROOT / "docs" / "method" / "multilevel.md"
PUBLISHING_PAGE = ROOT / "docs" / "publishing.md"
FIGURES_PAGE = ROOT / "docs" / "key-figures.md"
REGISTERS_PAGE = ROOT / "docs" / "registers.md"
SURVEYS_PAGE = ROOT / "docs" / "surveys.md"
JOBS_PAGE = ROOT / "docs" / "jobs.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
OTHERS = ("independence", "Chao", "sample coverage", "decomposable, δ = 2^−K", "average, σ = 1")
"""Methods of others on the board of known sizes."""
MSE = Path(sys.executable).with_name("mse")


def run(*arguments: str) -> str:
    """Return what `mse` prints when it writes into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([MSE, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def claim() -> str:
    """Return what the intervals cover where the truth is known, from the stored boards."""
    stored = ROOT / "tests" / "calibration"
    known = json.loads((stored / "known-sizes.json").read_text(encoding="utf-8"))
    simulated = json.loads((stored / "truths.json").read_text(encoding="utf-8"))["auto"]["figures"]["publish"]
    covers = {row["setting"]: row["coverage"][-1] for row in known["results"]}
    others = [covers[name] for name in OTHERS]
    may, parts = (known["verdicts"][what]["publish"] for what in ("leaderboard", "parts"))
    kinds, all_kinds = len(simulated["kind"]), simulated["all"]["all"]
    held = round(all_kinds["tables"] * all_kinds["coverage"][-1])
    return (
        "Its intervals are held against the truth. "
        f"On {known['problems']} populations of known size, of {known['studies']} studies, the 95 % interval that is "
        f"printed covers {100 * covers['shrinkage, calibrated']:.0f} %, with every study left out in turn; "
        f"those of other methods cover {100 * min(others):.0f} to {100 * max(others):.0f} %. "
        f"On simulated populations of {kinds} kinds it covers {held} of the {all_kinds['tables']} that may be "
        "published. "
        f"Known sizes that may be published are few yet: it covers {may['hold']} of {may['problems']}, and "
        f"{parts['hold']} of {parts['problems']} among parts of these tables, from which nothing was learned. "
        "What no table shows is that being on one list keeps people off the next, or brings them onto it, and that "
        "nobody but one list reaches some of them: ask for that before you cite a number "
        "([how, and what that assumes](docs/truth.md))."
    )


def benchmark_table() -> str:
    """Return the stored benchmark of the kernels (``python -m benchmarks.kernels --long``) as a table."""
    stored = json.loads((ROOT / "benchmarks" / "results" / "kernels.json").read_text(encoding="utf-8"))
    heads = ("table", "models", "evidence of every model, CPU seconds of one core", "µs a model")
    rows = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|"]
    for row in stored["rows"]:
        family = " (pairs only)" if row["terms"] == "pairs" else ""
        cells = (f"{row['problem']}{family}", f"{row['models']:,}", f"{row['evidence']:.2g}")
        rows.append(f"| {' | '.join(cells)} | {1e6 * row['evidence_per_model']:.2f} |")
    return "\n".join([*rows, "", "Written by `python -m benchmarks.kernels --long`; timings drift with the machine."])


def verdict_table() -> str:
    """Return the verdict of the default on every public table and on the simulated nation, as a table."""
    import mse
    from mse.simulate.national import simulate_captures
    from mse.simulate.section import national_spec

    rows = ["| table | N (95 %) | verdict | because of |", "|---|---|---|---|"]

    def add(name: str, table: mse.CaptureTable, **options: object) -> None:
        e = mse.estimate(table, seed=1, **options).summary(0.95)
        assert e.verdict is not None
        reasons = ", ".join(f"`{reason.code}`" for reason in e.verdict.reasons) or "–"
        rows.append(f"| {name} | {e.point:,.0f} ({e.low:,.0f}–{e.high:,.0f}) | {e.verdict.level} | {reasons} |")

    for info in mse.list_tables():
        if info.lists:
            table = mse.load_table(info.name)
            add(info.name, table.collapse() if table.strata else table)
    nation, _ = simulate_captures(national_spec(), seed=2)
    add("simulated nation, seed 2", nation.collapse())
    add("simulated nation, seed 2, by year", nation, by=["year"])
    return "\n".join(
        [*rows, "", "Written by `python -m benchmarks.readme verdicts`, without the rules of an assessment."]
    )


def disclosure_counts() -> str:
    """Return the stored counts of the attacks on what is published, in words."""
    stored = ROOT / "tests" / "calibration"
    tables = json.loads((stored / "disclosure.json").read_text(encoding="utf-8"))
    whole = json.loads((stored / "published-attack.json").read_text(encoding="utf-8"))
    return (
        f"{tables['tables']:,} random tables ({tables['date']}): {tables['small_counts']:,} small counts, "
        f"{tables['left_out']:,} of {tables['cells']:,} cells left out, {tables['narrower_than_protection']} in a "
        f"range narrower than promised.\n\n"
        f"Everything published, words and ends included, of {whole['tables']:,} random results ({whole['date']}): "
        f"{whole['left_out']:,} counts left out, for {whole['estimates_stated']:,} of which the estimate is stated; "
        f"{whole['pairs']:,} pairs of releases, of which {whole['pairs_refused']:,} are refused: "
        f"{whole['left_out_in_pairs']:,} counts left out. {whole['below_the_promise']} of all these are below "
        "the promise.\n\n"
        "Written by `python -m benchmarks.readme disclosure` from what `pytest -m slow "
        "tests/publish/test_disclosure.py tests/publish/test_published_attack.py` stores."
    )


def questionnaire_text() -> str:
    """Return what `mse questionnaire` prints for the release of a public table, its long texts cut short."""
    with tempfile.TemporaryDirectory() as folder:
        results = str(Path(folder) / "uk")
        run("run", "models/uk-2013.toml", "--out", results)
        run("release", results)
        told = run("questionnaire", "sdg-16-2-2", f"{results}-release")
    lines = [x if len(x) < 400 else f"{x[:300]} …" for x in told.splitlines()]
    return "\n".join(textwrap.fill(x, 120, subsequent_indent="    ") for x in lines)


def map_of_rooms() -> str:
    """Return the rooms of the package from the ground up, each with the sentence of its `__init__.py`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = ["| room | what it is for |", "|---|---|"]
    for name in [room for layer in reversed(layers) for room in layer.split(" | ")]:
        place = ROOT / name.replace(".", "/")
        entry = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        sentence = str(ast.get_docstring(ast.parse(entry.read_text(encoding="utf-8")))).split("\n\n")[0]
        shown = f"{place.name}/" if place.is_dir() else f"{place.name}.py"
        rows.append(f"| `{shown}` | {' '.join(sentence.replace('``', '`').split())} |")
    return "\n".join(rows)


def put(part: str, text: str, *, code: bool, file: Path = README) -> None:
    """Replace the text of one part."""
    body = f"```\n{text.rstrip()}\n```" if code else text.rstrip()
    page = file.read_text(encoding="utf-8")
    pattern = rf"(<!-- begin: {re.escape(part)}.*?-->\n).*?(<!-- end -->)"
    page, found = re.subn(pattern, lambda m: m.group(1) + body + "\n" + m.group(2), page, flags=re.DOTALL)
    assert found == 1, part
    file.write_text(page, encoding="utf-8")


def main(parts: list[str]) -> None:
    """Write the named parts, or the quick ones."""
    for part in parts or ["uk", "claim"]:
        if part == "uk":
            put("mse run models/uk-2013.toml", run("run", "models/uk-2013.toml"), code=True)
        elif part == "claim":
            put(part, claim(), code=False)
        elif part == "netherlands":
            job = "models/netherlands-2010-2015.toml"
            put(f"mse run {job}", run("run", job), code=True, file=JOBS_PAGE)
        elif part == "national":
            job = "models/national-simulated.toml"
            put(f"mse run {job}", run("run", job), code=True, file=JOBS_PAGE)
        elif part == "benchmarks":
            put("benchmarks", benchmark_table(), code=False, file=JOBS_PAGE)
        elif part == "known-sizes":
            from benchmarks.known_sizes import markdown

            put(part, markdown(), code=False, file=ASSESSMENT_PAGE)
        elif part == "truths":
            from benchmarks.truths import markdown as truths

            put(part, truths(), code=False, file=TRUTH_PAGE)
        elif part == "frontier":
            from benchmarks.frontier import markdown as frontier

            put(part, frontier(), code=False, file=TRUTH_PAGE)
        elif part == "calibration":
            from benchmarks.calibration import markdown as calibration

            put(part, calibration(), code=False, file=METHODS_PAGE)
        elif part == "multilevel":
            from benchmarks import multilevels
            from benchmarks.calibration import nations

            put(part, nations(), code=False, file=METHODS_PAGE)
            put("chains seed by seed", multilevels.seeds(), code=False, file=METHODS_PAGE)
            put("areas with neighbours", multilevels.areas(), code=False, file=METHODS_PAGE)
            put("measures", multilevels.measures(), code=False, file=MULTILEVEL_PAGE)
        elif part == "disclosure":
            put(part, disclosure_counts(), code=False, file=PUBLISHING_PAGE)
        elif part == "figures":
            told = run("figures", "models/key-figures.toml").split("\n\n")
            text = "\n\n".join(textwrap.fill(x, 120) for x in (*told[:4], "…", *told[10:13]))
            put("mse figures models/key-figures.toml", text, code=True, file=FIGURES_PAGE)
        elif part == "chain":
            told = run("chain", "models/justice-chain.toml").splitlines()
            text = "\n".join(textwrap.fill(x, 120) for x in told)
            put("mse chain models/justice-chain.toml", text, code=True, file=FIGURES_PAGE)
        elif part == "surveys":
            from benchmarks.othernumbers import surveys as coverage_of_surveys

            rates = str(ROOT / "benchmarks" / "survey-rates.csv")
            put("mse survey rates.csv", run("survey", rates), code=True, file=SURVEYS_PAGE)
            put("coverage of surveys", coverage_of_surveys(), code=False, file=SURVEYS_PAGE)
        elif part == "evidencetimes":
            from benchmarks.evidencetimes import markdown as times

            put("times of surveys", times("mse survey"), code=False, file=SURVEYS_PAGE)
            put("times of a chain", times("mse chain"), code=False, file=FIGURES_PAGE)
        elif part == "othernumbers":
            from benchmarks.othernumbers import markdown as coverage

            put("coverage", coverage(), code=False, file=FIGURES_PAGE)
        elif part == "linkage":
            from benchmarks.linkages import markdown as linkages

            put(part, linkages(), code=False, file=REGISTERS_PAGE)
        elif part == "policy":
            from benchmarks.othernumbers import interruptions

            text = "\n".join(textwrap.fill(x, 120) for x in run("policy", "models/consent-rule.toml").splitlines())
            put("mse policy models/consent-rule.toml", text, code=True, file=FIGURES_PAGE)
            put("coverage of measures", interruptions(), code=False, file=FIGURES_PAGE)
        elif part == "questionnaire":
            put("mse questionnaire", questionnaire_text(), code=True, file=PUBLISHING_PAGE)
        elif part == "map":
            put(part, map_of_rooms(), code=False, file=CONTRIBUTING)
        elif part == "verdicts":
            put(part, verdict_table(), code=False, file=ASSESSMENT_PAGE)
        else:
            raise SystemExit(
                f"unknown part {part!r}: uk, claim, netherlands, national, benchmarks, known-sizes, truths, frontier, "
                "verdicts, calibration, multilevel, disclosure, figures, chain, surveys, othernumbers, linkage, "
                "evidencetimes, policy, questionnaire, map"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
