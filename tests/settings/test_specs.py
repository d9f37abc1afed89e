"""One spec for one setting: range, default and words are the same in Python, jobs, commands and manual."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import click
import pytest
from click.testing import CliRunner

import mse
from benchmarks.manual import PAGE, manual, spec_in
from mse.assess.assessment import AssessSpec
from mse.assess.rules import Thresholds
from mse.cli import main
from mse.commands.fromspecs import SettingType
from mse.errors import InputError, ModelError, MseError
from mse.estimators.methodspecs import make_spec, spec_of
from mse.estimators.registry import METHODS
from mse.intake.contracts.contract import Contract
from mse.intake.taking import IntakeSpec
from mse.jobs.asked import TableSpec
from mse.jobs.job import Job, make_job, read_job
from mse.jobs.sections import MethodChoice
from mse.publish.disclosure.control import Disclosure
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between, count, keys_of, members, plain_kind, settings_of
from mse.settings.specreading import read_spec, written
from mse.shipped import shipped_jobs, shipped_path
from mse.simulate.section import national_spec
from mse.words.catalogues import catalogue
from mse.words.said import Said

TABLE = {"table": {"name": "uk-2013-4"}}


def specs(kind: type = Job) -> list[type]:
    """Return every spec that a job has, with those of the methods."""
    inside = [spec_in(setting.kind) for setting in keys_of(kind).values()]
    return [kind, *(x for part in inside if part is not None for x in specs(part))]


EVERY = list(
    dict.fromkeys([*specs(), *specs(Contract), *map(spec_of, METHODS), Thresholds, AssessSpec, IntakeSpec, Disclosure])
)


@dataclass(frozen=True, slots=True)
class Inner:
    """A spec inside another.

    Parameters
    ----------
    size : int
        How many.
    """

    size: Annotated[int, count(2, 9)]


@dataclass(frozen=True, slots=True)
class Outer:
    """A spec of every kind of setting.

    Parameters
    ----------
    word : str
        ``"a"`` or ``"b"``,
        on two lines.
    when, where
        Of a thing.
    """

    word: Literal["a", "b"] = "a"
    when: date | None = None
    where: Path | None = None
    grid: float | Mapping[float, float] = 1.0
    inner: tuple[Inner, ...] = ()
    share: Annotated[float, Between(0, 1, below=True)] = 0.5
    secret: str = field(default="", metadata={"key": False})

    def __post_init__(self) -> None:
        check_spec(self)

    def together(self) -> Placed:
        if self.word == "b" and not self.inner:
            yield ("inner",), mse.errors.Problem("nothing inside", "something", "add it")


# ---- the mechanism --------------------------------------------------------------------------------------------


def test_a_setting_left_at_its_default_is_looked_at_once(monkeypatch):
    """A default is checked when its spec is met first, and refused like any value where it is wrong."""

    @dataclass(frozen=True)
    class Wrong:
        x: Annotated[int, Between(1, 5)] = 9
        y: Annotated[int, Between(1, 5)] = 2

    with pytest.raises(ModelError, match="9"):
        check_spec(Wrong())
    check_spec(Wrong(x=3))
    with pytest.raises(ModelError, match="8"):
        check_spec(Wrong(x=3, y=8))
    looked = []
    monkeypatch.setattr("mse.settings.specchecks.fits", lambda *given: looked.append(given) or True)
    Thresholds()
    assert not looked


def test_a_spec_is_read_as_files_write_it():
    spec, problems = read_spec(
        Outer, {"word": "b", "when": "2018-05-01", "where": "a/b", "inner": [{"size": 3}], "share": 0}
    )
    assert problems == []
    assert spec == Outer("b", date(2018, 5, 1), Path("a/b"), 1.0, (Inner(3),), 0)
    again, problems = read_spec(Outer, json.loads(json.dumps(written(spec))))
    assert again == spec and problems == []


def test_everything_that_is_wrong_is_told_at_once_with_its_place():
    settings = {"wrd": 1, "when": "May", "inner": [{"size": 1}, {"sise": 3}, 4], "share": 1.0, "secret": "x"}
    spec, problems = read_spec(Outer, settings, ("outer",))
    told = {(p.column, p.found.code) for p in problems}
    assert spec is None
    assert told == {
        ("outer.wrd", "setting.key"), ("outer.secret", "setting.key"), ("outer.when", "setting.type"),
        ("outer.inner.0.size", "setting.few"), ("outer.inner.1.sise", "setting.key"),
        ("outer.inner.1.size", "setting.missing"), ("outer.inner.2", "setting.section"),
        ("outer.share", "setting.range"),
    }  # fmt: skip
    assert all(p.allowed and p.remedy for p in problems)


def test_what_does_not_fit_together_is_told_in_files_and_in_python():
    assert [p.column for p in read_spec(Outer, {"word": "b"}, ("x",))[1]] == ["x.inner"]
    with pytest.raises(ModelError, match="nothing inside"):
        Outer(word="b")


def test_what_a_setting_means_is_read_off_the_docstring():
    assert settings_of(Outer)["word"].meaning == '``"a"`` or ``"b"``, on two lines.'
    assert settings_of(Outer)["where"].meaning == "Of a thing."
    assert "secret" not in keys_of(Outer) and "secret" in settings_of(Outer)


def test_ranges_in_words():
    for between, words in (
        (Between(0), "0 or more"), (Between(0, above=True), "above 0"), (Between(2, 50), "from 2 to 50"),
        (Between(0, 1, below=True), "from 0 to below 1"), (Between(0, 1, above=True), "above 0 and at most 1"),
        (Between(high=5), "at most 5"), (Between(4, 10**6), "from 4 to 1,000,000"), (Between(1900), "1900 or more"),
    ):  # fmt: skip
        assert str(between) == words
    assert not Between(0, 1, below=True).holds(1) and Between(0, 1).holds(1) and not Between(0, above=True).holds(0)


# ---- the specs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", EVERY)
def test_every_setting_has_a_type_that_is_known_and_a_meaning(spec):
    for name, setting in settings_of(spec).items():
        assert setting.meaning, f"{spec.__name__}.{name}"
    assert {f.name for f in fields(spec)} == set(settings_of(spec))


@pytest.mark.parametrize("spec", EVERY)
def test_every_default_is_what_it_may_be(spec):
    if spec not in (Job, TableSpec) and not any(setting.required for setting in settings_of(spec).values()):
        check_spec(spec())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_same_limits_in_python_and_in_a_job(name):
    """Just outside of every range: refused alike."""
    for key, setting in keys_of(spec_of(name)).items():
        for part in members(setting.kind):
            for rule in (x for x in plain_kind(part)[1] if isinstance(x, Between)):
                low = rule.low if rule.above else rule.low - 1
                value = int(low) if plain_kind(part)[0] is int else float(low)
                with pytest.raises(ModelError) as python:
                    spec_of(name)(**{key: value})
                with pytest.raises(InputError) as job:
                    make_job({**TABLE, "estimate": {"method": name, key: value}})
                (one,), (other,) = python.value.problems, job.value.problems
                assert (one.found, one.allowed, one.remedy) == (other.found, other.allowed, other.remedy)
                assert other.column == f"estimate.{key}"


@pytest.mark.parametrize("pair", [n for n, s in settings_of(Thresholds).items() if isinstance(s.default, tuple)])
def test_thresholds_in_the_wrong_order_are_refused_in_python_as_in_a_job(pair):
    wrong = tuple(reversed(getattr(Thresholds(), pair)))
    with pytest.raises(ModelError, match="wrong order"):
        Thresholds(**{pair: wrong})
    with pytest.raises(InputError, match="wrong order"):
        make_job({**TABLE, "verdict": {pair: list(wrong)}})


def test_a_linkage_has_one_threshold():
    job = make_job({"registers": {"contracts": ["a.toml"]}})
    assert job.registers.threshold == IntakeSpec().threshold == 0.9
    assert isinstance(job.registers, IntakeSpec)
    for value in (0.4, 1.0):
        with pytest.raises(InputError, match="from 0.5 to below 1"):
            IntakeSpec(threshold=value)
        with pytest.raises(InputError, match="from 0.5 to below 1"):
            make_job({"registers": {"contracts": ["a.toml"], "threshold": value}})


@pytest.mark.parametrize("name", shipped_jobs())
def test_a_job_is_read_again_from_its_record(name):
    """With a simulated nation too, whose day of consent is a text there."""
    job = read_job(shipped_path("models", name))
    again = make_job(json.loads(json.dumps(job.as_record())))
    assert again == job


def test_a_job_holds_specs():
    job = make_job({**TABLE, "verdict": {"width": [2, 4]}, "assess": {}, "publish": {"base": 5}})
    assert job.verdict == Thresholds(width=(2, 4)) and job.assess == AssessSpec() and job.publish.base == 5
    assert job.as_record()["verdict"] == {"width": [2, 4]}
    assert "secret" not in job.as_record()["publish"]
    with pytest.raises(InputError, match="unknown key"):
        make_job({**TABLE, "publish": {"secret": "x"}})
    nation = read_job(shipped_path("models", "national-simulated.toml")).simulate
    assert nation == national_spec()


def test_a_spec_stands_for_its_method_with_these_options():
    table = mse.load_table("kosovo-1999-4")
    for name, options in (("chao", {"bias_corrected": True}), ("independence", {})):
        found = mse.estimate(table, spec_of(name)(**options), seed=1)
        same = mse.estimate(table, name, seed=1, **options)
        assert found.method == name and found.point == same.point and found.spec == same.spec
    with pytest.raises(ModelError, match="this is no method"):
        mse.estimate(table, Thresholds())


# ---- commands and manual --------------------------------------------------------------------------------------


def options(command: click.Command = main) -> list[tuple[str, click.Option]]:
    """Return every option of every command."""
    ctx = click.Context(command)
    if isinstance(command, click.Group):
        return [x for name in command.list_commands(ctx) for x in options(command.get_command(ctx, name))]
    return [(command.name, param) for param in command.get_params(ctx) if isinstance(param, click.Option)]


def test_options_take_default_and_help_from_their_spec():
    made = [(name, option) for name, option in options() if isinstance(option.type, SettingType)]
    assert {option.name for _, option in made} >= {"seed", "prob", "sd", "max_order", "criterion", "family", "resume"}
    for name, option in made:
        setting = option.type.setting
        assert option.name == setting.name and option.help
        assert not option.show_default or option.default == setting.default, (name, option.name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["estimate", "uk-2013-4", "--prob", "1"], "above 0 and below 1"),
        (["estimate", "uk-2013-4", "--seed", "x"], "a whole number 0 or more"),
        (["estimate", "uk-2013-4", "--criterion", "dic"], "'aic', 'bic' or 'bic_cells'"),
        (["models", "uk-2013-4", "--max-order", "0"], "from 1 to 16"),
        (["repeats", "taxicab-edinburgh-repeat", "--family", "normal"], "'zelterman'"),
    ],
)
def test_a_wrong_option_is_told_as_in_a_job(arguments, said):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2 and done.stdout == "" and said in " ".join(done.stderr.split())


def test_the_manual_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert manual(text) == text, "run: python -m benchmarks.manual"
    for spec in EVERY:
        assert all(f"`{name}`" in text for name in keys_of(spec) if spec not in (Job, Contract, MethodChoice))


def test_messages_have_dutch_words():
    for error in (lambda: Thresholds(width=(6, 3)), lambda: make_spec("average", {"sdd": 1, "draws": 1, "sd": "x"})):
        with pytest.raises(MseError) as caught:
            error()
        for problem in caught.value.problems:
            assert isinstance(problem.found, Said)
            assert catalogue("nl").said(problem.found) != catalogue("en").said(problem.found)
