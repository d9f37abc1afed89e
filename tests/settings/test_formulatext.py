"""Formulas are read by a grammar of their own: nothing in one is run, and what is not allowed is named."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import MseError
from mse.jobs.job import make_job, read_job, read_options
from mse.methods import make_spec
from mse.settings.formulatext import FormulaFault, read_formula, term_text
from mse.tables.covariates import design

COLUMNS = {
    "age": np.array([21.0, 34.0, 45.0, 52.0, 63.0, 29.0, 38.0, 47.0]),
    "group": np.array(list("xyxyzzxy")),
    "my age": np.array([1.0, 2.0, 4.0, 3.0, 6.0, 7.0, 5.0, 8.0]),
    "age.group": np.array(list("abababba")),
}


def terms(text: str) -> list[str]:
    read = read_formula(text)
    return ["1"] * read.constant + [term_text(x) for x in read.terms]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1"),
        ("1", "1"),
        ("0 + a", "a"),
        ("a - 1", "a"),
        ("a*b", "1 a b a:b"),
        ("(a + b + c)^2 - a:b", "1 a b c a:c b:c"),
        ("(a + b)**10", "1 a b a:b"),
        ("a + b:`two words` + b:a:b", "1 a b:`two words` b:a"),
        ("count ~ a.b + log(age)", "1 `a.b` log(age)"),
        ("(1 + a):b", "1 b a:b"),
        ("poly(age, 2) + bs(age, df=4)", "1 poly(age, degree=2) bs(age, df=4)"),
        ("I(age^2) + log(age / 10 + 1)", "1 I(age ** 2.0) log(age / 10.0 + 1.0)"),
        ("`lambda` + True", "1 `lambda` `True`"),
    ],
)
def test_what_a_formula_says(text: str, said: str) -> None:
    read = read_formula(text)
    assert " ".join(["1"] * read.constant + [term_text(x) for x in read.terms]) == said


ATTACKS = (
    "np.__builtins__['__import__']('os').system('touch hacked')", 
    "{__import__('os').system('touch hacked')}", "I(age.to_csv('hacked'))", "age.to_csv('hacked')",
    "C(age, __import__('os'))", "eval('1')", "np.load('x', allow_pickle=True)", "getattr(age, 'to_pickle')('hacked')",
    "(lambda: 1)()", "[x for x in (1,)]", "log(age)(1)", "Q('age')", "hashed(group, levels=10)", "lag(age)", "a | b",
    "a ~ b ~ c", "`age", "log(age", "age +", "a; b", "a = 1", "a := 1", "age @ age", "age[0]", "age % 2", "~ .", "a !b",
    "log()", "log(1)", "poly(age, 1e9)", "poly(age, 99)", "bs(age, df=10**9)", "bs(age, size=3)", "C(age + 1)", "2 * a",
    "I(age ** 99999999999)", "I(age ** age)", "log(exec(age))", "poly(age, 2, 3)", "poly(age, degree=2, degree=3)",
    "(" * 5000 + "a" + ")" * 5000, "log(" * 500 + "a" + ")" * 500, "a" * 5000, "(a - 1):b", "a\x00b", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_programs_are_no_formulas(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every command and job that takes one, before there is a table; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MseError, match="the formula cannot be used"):
        design(COLUMNS, 8, text, source="t")
    for method in ("covariates", "repeats"):
        with pytest.raises(MseError, match="no formula"):
            make_spec(method, {"formula": text})
    with pytest.raises(MseError, match="no formula"):
        make_job({"table": {"name": "uk-2013-5"}, "estimate": {"method": "covariates", "formula": text}})
    assert not list(tmp_path.iterdir())


def test_names_out_of_reach_are_unknown_covariates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (
        "np",
        "`__builtins__`",
        "np.__builtins__",
        "log(np.__builtins__)",
        "`np.load('x')`",
        "contr",
        "log",
        "age:np",
    ):
        with pytest.raises(MseError, match="unknown covariate"):
            design(COLUMNS, 8, text, source="t")


@pytest.mark.parametrize(
    "text",
    ["(A+B)^99999999999", "(A+B+C)^100000", "(" + "+".join(f"x{i}" for i in range(300)) + ")^3",
     "*".join(f"x{i}" for i in range(40)), ":".join(f"x{i}" for i in range(40)),
     "(((A+B+C)^10)^10)^11", "A^0", "A^1.5"],
)  # fmt: skip
def test_powers_are_bounded_before_they_are_expanded(text: str) -> None:
    tracemalloc.start()
    with pytest.raises(FormulaFault):
        read_formula(text)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["bar", "hang", "memory"])
def test_the_jobs_that_hung_are_refused_at_reading(name: str, tmp_path: Path) -> None:
    texts = {"bar": "~ A | B", "hang": "~ (A+B+C)^100000", "memory": "~ (A+B)^99999999999"}
    job = tmp_path / f"{name}.toml"
    job.write_text(f'[table]\npath = "tab.csv"\n[estimate]\nmethod = "covariates"\nformula = "{texts[name]}"\n')
    with pytest.raises(MseError, match=r"job|\.toml, row 5.*no formula") as caught:
        read_job(job)
    assert ("is not allowed" if name == "bar" else "none of 1 to 10") in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["age", "group", "age + group", "age*group", "group - 1", "0 + group", "log(age)", "C(group)", "poly(age, 2)",
     "bs(age, df=4)", "0 + cr(age, df=3)", "I(age**2)", "center(age) + `my age`", "log(`my age`)", "exp(age / 100)",
     "`age.group`", "(age + `my age`)^2", "scale(age):`my age`", "group:age", "age.group"],
)  # fmt: skip
def test_designs_are_those_of_the_library(text: str) -> None:
    """Twin: formulaic on the text itself, for what both read."""
    import formulaic
    import pandas as pd

    frame = pd.DataFrame(COLUMNS)
    theirs = formulaic.model_matrix("`age.group`" if text == "age.group" else text, frame, context={})
    ours = design(COLUMNS, 8, text, source="t")
    np.testing.assert_allclose(ours.matrix, theirs.to_numpy(dtype=float), rtol=1e-12)


WORDS = st.sampled_from(
    [*"abcde", "1", "0", "+", "-", ":", "*", "^", "**", "(", ")", "2", "log(a)", "`x y`", "~", "log(", ","]
)


@given(st.lists(WORDS, max_size=14).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_what_is_read_means_what_the_library_means(text: str) -> None:
    """What is read is read again the same, and a sum of interactions has the library's terms."""
    import formulaic

    try:
        read = read_formula(text)
    except FormulaFault:
        return
    again = read_formula(read.text)
    assert again.terms == read.terms and again.constant == read.constant
    if set(text) & set("^*,~10"):
        return  # the library takes 1 for a factor, and binds ^ and signs in its own order
    theirs = {frozenset(str(f.expr) for f in t.factors) for t in list(formulaic.Formula(text))} - {frozenset("1")}
    assert {frozenset(f.names[0] if f.plain else f.text for f in t) for t in read.terms} == theirs


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    try:
        read_formula(text)
    except FormulaFault as fault:
        assert str(fault)


@pytest.mark.parametrize(
    ("method", "options"),
    [("average", {"draws": 10**9}), ("loglinear", {"draws": 10**12}), ("covariates", {"replicates": 10**8}),
     ("dutch-method", {"replicates": 10**7}), ("covariates", {"imputations": 10**6, "interval": "imputation",
     "unknown": {"sex": "x"}}), ("multilevel", {"draws": 10**9}), ("latent-class", {"chains": 10**6}),
     ("average", {"sd": {float(i): 1.0 for i in range(1, 1500)}}), ("average", {"sd": float("nan")}),
     ("repeats", {"replicates": 10**7}), ("doubly-robust", {"folds": 10**6}), ("chao", {"draws": 10**10}),
     ("covariates", {"formula": "A+" * 60_000 + "A"})],
    ids=str,
)  # fmt: skip
def test_options_are_bounded_with_the_reason(method: str, options: dict[str, object]) -> None:
    with pytest.raises(MseError) as caught:
        make_spec(method, options)
    said = str(caught.value)
    assert any(name in said for name in options) and "Allowed" in said and len(said) < 2000


@pytest.mark.parametrize(
    "more",
    [{"run": {"seed": 10**30}}, {"run": {"prob": 10**400}}, {"publish": {"threshold": 10**9}},
     {"table": None, "registers": {"contracts": ["a"], "draws": 10**6}},
     {"table": None, "simulate": {"victims": 10**400}, "registers": {}}],
    ids=str,
)  # fmt: skip
def test_settings_are_bounded(more: dict[str, object]) -> None:
    with pytest.raises(MseError, match=r"64 bits|Allowed"):
        make_job({"table": {"name": "uk-2013-5"}} | more)


def test_options_of_the_command_line_may_be_nested_without_end() -> None:
    (value,) = read_options(["x=" + "[" * 3000 + "]" * 3000]).values()
    assert isinstance(value, str)
    with pytest.raises(MseError):
        make_job({"table": {"name": "uk-2013-5"}, "estimate": {"method": "average", "sd": value}})


def test_every_method_that_takes_a_formula_reads_it() -> None:
    """A new option of this name cannot go around the reader."""
    from dataclasses import fields
    from importlib import import_module

    from mse.methods import METHODS

    takes = [
        name for name, m in METHODS.items()
        if "formula" in {f.name for f in fields(getattr(import_module(f"mse.estimators.{m.module}"), m.spec))}
    ]  # fmt: skip
    for name, text in itertools.product(takes, ("np.x()", "a ~ b ~ c")):
        with pytest.raises(MseError, match="no formula"):
            make_spec(name, {"formula": text})
    assert set(takes) == {"covariates", "repeats"}
