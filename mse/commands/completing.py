"""What a shell offers after the tab key: tables, methods, their options and values, columns, jobs that ship."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, Literal, TypeAliasType, get_args, get_origin, get_type_hints

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def values(*known: str) -> Complete:
    """Return what completes to one of these words."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _starting(known, incomplete)

    return complete


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
    from mse.computing.inputfiles import read_input
    from mse.shipped import shipped_names, table_info
    from mse.tables.files import SEPARATORS

    table = ctx.params.get("table") or next(iter(ctx.args), "")  # an option without its value stops the reading
    with suppress(OSError, ValueError, csv.Error):  # a shell that completes says nothing about what is wrong
        if table in shipped_names("data"):
            return _starting(table_info(str(table)).lists, incomplete)
        head = read_input(str(table)).decode("utf-8-sig").partition("\n")[0].strip()
        mark = max(SEPARATORS, key=head.count)
        return _starting((name.strip() for name in next(csv.reader([head], delimiter=mark))), incomplete)
    return []


def _starting(known: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def _options(method: str) -> Mapping[str, Any]:
    """Return the options of a method with the types that they are declared to have."""
    from importlib import import_module

    from mse.methods import METHODS

    if method not in METHODS:
        return {}
    entry = METHODS[method]
    spec = getattr(import_module(f"mse.estimators.{entry.module}"), entry.spec)
    hints = get_type_hints(spec)
    return {field.name: hints[field.name] for field in fields(spec)}


def _words(kind: Any) -> list[str]:
    """Return the words that a declared type names."""
    if isinstance(kind, TypeAliasType):
        return _words(kind.__value__)
    if kind is bool:
        return ["true", "false"]
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    return [word for part in get_args(kind) for word in _words(part)]
