"""The command line: the commands in the order of the flow, and how they end."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from mse.commands.assessing import assess
from mse.commands.clerks import linkage
from mse.commands.comparisons import compare, series
from mse.commands.estimating import data, estimate, models, persons, repeats, run
from mse.commands.figuring import chain, figures, policy
from mse.commands.forecasting import plan
from mse.commands.options import LANGUAGE
from mse.commands.publishing import cite, questionnaire, release, report, verify
from mse.commands.stopping import STATUS, end_at_once, told_to_stop
from mse.commands.surveying import survey
from mse.commands.takingin import contract, pseudonymise, quality, simulate
from mse.errors import names_of
from mse.words.said import said

if TYPE_CHECKING:
    from mse.errors import MseError


class _Commands(click.Group):
    """Commands in the order of the flow; what a user can put right ends with status 2, an interrupt with 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands as they were defined."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end with the status that its outcome asks for."""
        from mse.errors import MseError

        with told_to_stop() as came:
            try:
                return super().invoke(ctx)
            except MseError as error:
                _print_error(error, ctx.meta.get(LANGUAGE, "en"))
            except KeyboardInterrupt:
                click.echo("mse: interrupted; no results were written", err=True)
                if came:
                    end_at_once()
                ctx.exit(STATUS)
            except OSError as error:
                if error.errno == errno.EPIPE:  # whoever reads has enough: click ends the command quietly
                    raise
                _print_machine_error(error)
            except MemoryError:
                _print_short_of_memory()
        ctx.exit(2)


def _print_error(error: MseError, language: str = "en") -> None:
    from mse.publish.wording.terminaltext import terminal_width, wrap_lines

    with suppress(OSError):
        click.echo(wrap_lines(f"mse: {error.in_words(language)}", terminal_width(error=True)), err=True)


def _print_machine_error(error: OSError) -> None:
    """Print what the machine refused, and keep the end of the process from trying it again."""
    from mse.computing.savefiles import machine_problem
    from mse.errors import InputError

    _print_error(InputError(machine_problem(error, None)))
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_short_of_memory() -> None:
    from mse.errors import InputError, Problem

    found, allowed = said("found.not_enough_memory"), said("allowed.table_options_fit_into")
    _print_error(InputError(Problem(found, allowed, said("do.ask_fewer_lists_draws"))))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="mse-engine", prog_name="mse")
def main() -> None:
    """Estimate hidden populations from overlapping lists: a total, its interval, and a verdict on them."""


@click.command("help")
@click.argument("names", nargs=-1, metavar="[COMMAND]")
@click.pass_context
def show_help(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Say what COMMAND does and which options it has; without one, list the commands."""
    from mse.errors import InputError, Problem

    assert ctx.parent is not None
    command: click.Command = ctx.parent.command
    inside = ctx.parent
    for name in names:
        known = command.commands if isinstance(command, click.Group) else {}
        if name not in known:
            allowed = names_of(known, said("allowed.nothing_more_command_has"))
            raise InputError(Problem(said("found.no_such_command"), allowed, said("do.choose_one_these"), value=name))
        command = known[name]
        inside = click.Context(command, info_name=name, parent=inside)
    click.echo(command.get_help(inside))


_INTAKE = (contract, pseudonymise, quality, linkage, simulate)
_ESTIMATES = (plan, run, estimate, compare, models, repeats, persons, data)
_JUDGING_AND_PUBLISHING = (assess, report, cite, survey, figures, chain, policy, release, questionnaire, verify, series)
for _command in (*_INTAKE, *_ESTIMATES, *_JUDGING_AND_PUBLISHING, show_help):
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
