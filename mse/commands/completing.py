"""What a shell offers after the tab key: tables, methods, their options and values, columns, jobs that ship."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def tables(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete to a public table, else to a file."""
    return [*public_tables(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def public_tables(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete to a public table."""
    from mse.shipped import shipped_names

    return _starting(shipped_names("data"), incomplete)


def jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete to a job that ships, else to a file."""
    from mse.shipped import shipped_names

    shipped = [f"models/{name}" for name in shipped_names("models")]
    return [*_starting(shipped, incomplete), CompletionItem(incomplete, type="file")]


def methods(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete to a method, with what it is."""
    from mse.methods import METHODS, label_of

    return [CompletionItem(name, help=str(label_of(name, {}))) for name in METHODS if name.startswith(incomplete)]


def method_options(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``NAME=VALUE`` to an option of the method that is asked for, and to its words where it has some."""
    name, equals, begun = incomplete.partition("=")
    kinds = _options(str(ctx.params.get("method") or "auto"))
    if not equals:
        return _starting((f"{option}=" for option in kinds), name)
    return _starting((f"{name}={word}" for word in _words(kinds.get(name))), f"{name}={begun}")


def columns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete to a column of the table that stands before."""
    from mse.errors import MseError
    from mse.shipped import shipped_names, table_info
    from mse.tables.checks import Faults
    from mse.tables.files import read_grid

    table = ctx.params.get("table") or next(iter(ctx.args), "")  # an option without its value stops the reading
    with suppress(OSError, MseError):  # a shell that completes says nothing about what is wrong
        if table in shipped_names("data"):
            return _starting(table_info(str(table)).lists, incomplete)
        return _starting(read_grid(str(table), Faults(""), "count").header, incomplete)
    return []


def _starting(known: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def _options(method: str) -> Mapping[str, Any]:
    """Return the options of a method with the types that they are declared to have."""
    from mse.estimators.methodspecs import spec_of
    from mse.estimators.registry import METHODS
    from mse.settings.specfields import keys_of

    return {name: x.kind for name, x in keys_of(spec_of(method)).items()} if method in METHODS else {}


def _words(kind: Any) -> list[str]:
    """Return the words that a declared type names."""
    from mse.settings.specfields import members, plain_kind

    found = []
    for plain in (plain_kind(part)[0] for part in members(kind)) if kind is not None else ():
        if plain is bool:
            found += ["true", "false"]
        elif get_origin(plain) is Literal:
            found += [str(word) for word in get_args(plain)]
    return found
