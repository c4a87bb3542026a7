"""The commands. Each lives in a module of its own and is imported when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from scale_agent import __version__
from scale_agent.errors import InputError, ScaleAgentError

#: Command → the module that holds it, as its attribute ``command``, and its help in one line.
COMMANDS = {
    "api": ("scale_agent.cli.api", "One simulated cluster's Kubernetes API on loopback, with a kubeconfig."),
    "profile": ("scale_agent.cli.profile", "What a profile comes to, and the schema of profiles."),
    "standin": ("scale_agent.cli.standin", "A stand-in Rancher, to try and to test without one."),
    "sweep": ("scale_agent.cli.sweep", "Remove what a run left in Rancher."),
}


class _Commands(click.Group):
    """Knows its commands without importing them: only the one that is called is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="scale_agent")
def group() -> None:
    """Simulated clusters for load tests of Rancher."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; errors are one line, exit code 2 for bad input and 1 for the rest."""
    try:
        group.main(args=arguments, prog_name="python -m scale_agent", standalone_mode=True)
    except InputError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except ScaleAgentError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
