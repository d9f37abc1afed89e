"""Write the settings of commands, jobs and methods into docs/commands.md: ``python -m benchmarks.manual``.

They are read off the specs and commands themselves; a test holds the page against them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import click

from mse.cli import main
from mse.commands.fromspecs import SettingType
from mse.estimators.methodspecs import also_taken, spec_of
from mse.estimators.naming import label_of
from mse.estimators.registry import METHODS
from mse.intake.contracts.contract import Contract
from mse.jobs.chainjob import ChainJob
from mse.jobs.figurejob import FiguresJob
from mse.jobs.job import Job
from mse.jobs.policyjob import PolicyJob
from mse.jobs.sections import MethodChoice
from mse.publish.questionnaires.questionnairespec import QuestionnaireSpec
from mse.settings.specfields import Setting, in_words, keys_of, members, plain_kind, plain_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
BEGIN, END = "<!-- begin: {} -->", "<!-- end -->"


def cell(text: object) -> str:
    """Return a text that stands in a table of Markdown."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)])


def shown(value: object) -> str:
    """Return a default as a job file writes it."""
    if value is None or value in ((), {}):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, tuple) else f"{value}"


def spec_in(kind: Any) -> type | None:
    """Return the spec that a setting is, or has in a list."""
    plain, _ = plain_kind(kind)
    if isinstance(plain, type) and is_dataclass(plain):
        return plain
    return next((found for part in get_args(plain) if (found := spec_in(part)) is not None), None)


def settings_table(settings: Mapping[str, Setting]) -> str:
    """Return a table of settings."""
    rows: list[tuple[object, ...]] = []
    for setting in settings.values():
        inside = spec_in(setting.kind)
        kind = str(in_words(setting.kind)).replace(", or nothing (left out)", "") if inside is None else "see below"
        default = "required" if setting.required else "–" if inside is not None else shown(setting.default)
        rows.append((f"`{setting.spelled}`", kind, default, plain_text(setting.meaning)))
    return table(("key", "may be", "default", "meaning"), rows)


def commands(command: click.Command = main, name: str = "mse") -> Iterator[str]:
    """Yield a table of options for every command."""
    ctx = click.Context(command, info_name=name)
    if isinstance(command, click.Group):
        for part in command.list_commands(ctx):
            found = command.get_command(ctx, part)
            assert found is not None
            yield from commands(found, f"{name} {part}")
        return
    rows: list[tuple[object, ...]] = []
    arguments = [param.make_metavar(ctx) for param in command.get_params(ctx) if isinstance(param, click.Argument)]
    for param in command.get_params(ctx):
        if isinstance(param, click.Option) and "--help" not in param.opts:
            kind = "switch" if param.is_flag else param.make_metavar(ctx)
            if isinstance(param.type, SettingType):
                kind = str(in_words(param.type.setting.kind)).replace(", or nothing (left out)", "")
            default = shown(param.default) if param.show_default and not param.is_flag else "–"
            if param.multiple:
                kind = f"{kind}, repeated"
            flags = ", ".join(f"`{x}`" for x in (*param.opts, *param.secondary_opts))
            rows.append((flags, kind, default, param.help or ""))
    about = (command.help or "").partition("\n")[0]
    yield f"### `{' '.join([name, *arguments])}`\n\n{about}\n\n" + (
        table(("option", "may be", "default", "meaning"), rows) if rows else "No options."
    )


def sections(spec: type = Job, name: str = "", several: bool = False) -> Iterator[str]:
    """Yield a table of keys for every section of a job."""
    known = keys_of(spec)
    about = (spec.__doc__ or "").strip().partition("\n")[0]
    head = f"### `{'[' * (1 + several)}{name}{']' * (1 + several)}`" if name else "### Above all sections"
    if spec is MethodChoice:
        about += " The options of the method stand beside it; `[[compare]]` is the same, once for every method."
        known = {"method": known["method"]}
    plain = {key: x for key, x in known.items() if name or spec_in(x.kind) is None}
    yield f"{head}\n\n{about}\n\n{settings_table(plain)}"
    for key, setting in known.items():
        inside = spec_in(setting.kind)
        if inside is not None and key != "compare":
            kinds = {get_origin(plain_kind(part)[0]) for part in members(setting.kind)}
            below = f"{name}.{key}".lstrip(".") + (".NAME" if Mapping in kinds else "")
            yield from sections(inside, below, tuple in kinds)


def methods() -> Iterator[str]:
    """Yield a table of options for every method."""
    for name in METHODS:
        known = {**keys_of(spec_of(name)), **also_taken(name)}
        spec = f"`{spec_of(name).__module__}.{spec_of(name).__name__}`"
        yield f"### `{name}`\n\n{label_of(name, {})}; in Python also as a spec, {spec}.\n\n{settings_table(known)}"


def manual(text: str) -> str:
    """Return the page with its generated parts as they are now."""
    parts = {
        "commands": commands(), "sections": sections(), "key figures": sections(FiguresJob),
        "chain": sections(ChainJob), "questionnaire": sections(QuestionnaireSpec),
        "policy": sections(PolicyJob), "contract": sections(Contract), "methods": methods(),
    }  # fmt: skip
    for part, made in parts.items():
        before, rest = text.split(BEGIN.format(part))
        text = f"{before}{BEGIN.format(part)}\n{'\n\n'.join(made)}\n{END}{rest.split(END, 1)[1]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(manual(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
