"""``python -m scale_agent profile``: what a profile comes to, and the schema that editors complete profiles by."""

from __future__ import annotations

import click

from scale_agent.cluster.profile import load
from scale_agent.cluster.profiles import census, schema


@click.group("profile")
def command() -> None:
    """Look at profiles: what a simulated cluster contains."""


@command.command("show")
@click.argument("file", metavar="FILE")
@click.option("--clusters", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="For the costs.")
def show(file: str, clusters: int) -> None:
    """Print what a cluster of the profile FILE contains, by kind and bytes, and what so many of them cost."""
    for line in census.report(load(file), clusters):
        click.echo(line)


@command.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of profiles, for editors: profiles/profile.schema.json is this."""
    click.echo(schema.text(), nl=False)
