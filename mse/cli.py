"""The command line: the commands in the order of the flow, and how they end."""

from __future__ import annotations

import sys
from typing import Any

import click

from mse.commands.assessing import assess
from mse.commands.estimating import compare, data, estimate, models, persons, repeats, run
from mse.commands.publishing import release, report, survey, verify
from mse.commands.takingin import contract, pseudonymise, quality, simulate


class _Commands(click.Group):
    """Commands in the order of the flow; what a user can put right ends with status 2, an interrupt with 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands as they were defined."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end with the status that its outcome asks for."""
        from mse.errors import MseError

        try:
            return super().invoke(ctx)
        except MseError as error:
            click.echo(f"mse: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("mse: interrupted; no results were written", err=True)
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mse-engine", prog_name="mse")
def main() -> None:
    """Estimate hidden populations from overlapping lists: a total, its interval, and a verdict on them."""


_INTAKE = (contract, pseudonymise, quality, simulate)
_ESTIMATES = (run, estimate, compare, models, repeats, persons, data)
_JUDGING_AND_PUBLISHING = (assess, report, survey, release, verify)
for _command in (*_INTAKE, *_ESTIMATES, *_JUDGING_AND_PUBLISHING):
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
