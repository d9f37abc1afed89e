"""Options of commands that are settings of a spec: type, default, help and what is wrong come from it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from mse.settings.specchecks import setting_faults
from mse.settings.specfields import Between, Setting, keys_of, members, plain_kind, plain_text


class SettingType(click.ParamType[Any]):
    """A value as a job file writes it, which must be what the setting may be."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.kinds = [plain_kind(part)[0] for part in members(setting.kind)]
        self.words = [str(word) for kind in self.kinds if get_origin(kind) is Literal for word in get_args(kind)]
        self.name = "path" if Path in self.kinds else "number" if {int, float} & {*self.kinds} else "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with everything that is wrong with it."""
        read = value
        if isinstance(value, str) and Path in self.kinds:
            read = Path(value)
        elif isinstance(value, str) and str not in self.kinds and value not in self.words:
            try:
                read = tomllib.loads(f"x = {value}")["x"]
            except (tomllib.TOMLDecodeError, RecursionError):
                read = value
        if isinstance(read, Mapping):  # its keys are text until the spec reads them
            return read
        for problem in setting_faults(self.setting, read):
            self.fail(f"{problem.found} (value {problem.value!r}). Allowed: {problem.allowed}.", param, ctx)
        return read

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the words that may be given."""
        return f"[{'|'.join(self.words)}]" if self.words else None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete to the words that may be given."""
        kind = [CompletionItem(incomplete, type="file")] if Path in self.kinds else []
        return kind + [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


def attributes(spec: type, name: str, flags: Sequence[str], more: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return how click is to declare an option for a setting, and with what."""
    setting = keys_of(spec)[name]
    kinds = [plain_kind(part) for part in members(setting.kind)]
    found: dict[str, Any] = {"help": help_of(setting)}
    if any(kind is bool for kind, _ in kinds):
        found |= {"is_flag": True}
    elif any(get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis for kind, _ in kinds):
        found |= {"multiple": True, "help": f"{found['help']} Repeat for several."}
    elif pairs := [kind for kind, _ in kinds if get_origin(kind) is tuple]:
        found |= {"nargs": 2, "type": plain_kind(get_args(pairs[0])[0])[0]}
    else:
        found |= {"type": SettingType(setting)}
        if setting.default is not None and not any(kind is NoneType for kind, _ in kinds):
            found |= {"default": setting.default, "show_default": True}
    return [*(flags or [f"--{name.replace('_', '-')}"]), name], found | more


def setting_option(spec: type, name: str, *flags: str, **more: Any) -> Callable[[Any], Any]:
    """Return the decorator of an option for a setting; `more` replaces what follows from it."""
    declared, attrs = attributes(spec, name, flags, more)
    return click.option(*declared, **attrs)


def option_of(spec: type, name: str, *flags: str, **more: Any) -> click.Option:
    """Return the same as an option that a `SettingsCommand` adds."""
    declared, attrs = attributes(spec, name, flags, more)
    return click.Option(declared, **attrs)


def help_of(setting: Setting) -> str:
    """Return what an option means, in one sentence, and its range."""
    first = plain_text(setting.meaning).partition(". ")[0].rstrip(".")
    ranges = [str(rule) for part in members(setting.kind) for rule in plain_kind(part)[1] if isinstance(rule, Between)]
    return f"{first} ({ranges[0]})." if ranges else f"{first}."


class SettingsCommand(click.Command):
    """A command some of whose options are settings of methods, which are loaded when the command is used."""

    def __init__(self, *args: Any, settings: Callable[[], list[click.Option]], **kwargs: Any) -> None:
        self.settings = settings
        self.made: list[click.Option] | None = None
        super().__init__(*args, **kwargs)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters: arguments, settings, then the others."""
        if self.made is None:
            self.made = self.settings()
        own = super().get_params(ctx)
        first = sum(isinstance(param, click.Argument) for param in own)
        return [*own[:first], *self.made, *own[first:]]
