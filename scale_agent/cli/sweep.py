"""``python -m scale_agent sweep``: removes what runs left in Rancher, found by their label."""

from __future__ import annotations

import os
import sys

import click

from scale_agent.errors import InputError, RancherError
from scale_agent.rancher import Credentials, RancherClient, TlsPolicy
from scale_agent.removal import RUN_LABEL, Listed, Outcome, Removal, listed


@click.command("sweep")
@click.option("--run-id", metavar="ID", help="Remove the clusters of this run.")
@click.option("--all-runs", is_flag=True, help="Remove the clusters of every run.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@click.option("--host", envvar="RANCHER_URL", metavar="URL", help="Rancher's URL.  [env: RANCHER_URL]")
@click.option("--concurrency", default=5, show_default=True, type=click.IntRange(1, 100), help="Deletions at once.")
@click.option("--timeout", default=600.0, show_default=True, metavar="SECONDS", help="Without progress.")
def command(run_id: str | None, all_runs: bool, yes: bool, host: str | None, concurrency: int, timeout: float) -> None:
    """Remove the clusters that runs left in Rancher.

    Reads RANCHER_TOKEN (or RANCHER_USER and RANCHER_PASSWORD), RANCHER_CACERT, RANCHER_INSECURE from the environment.
    Exit code 0: nothing is left; 1: something is; 2: the command cannot be used like this.
    """
    client = _client(host, run_id, all_runs)
    try:
        client.login()
        labels = {RUN_LABEL: run_id} if run_id else {}
        found = [one for one in listed(client, labels, {}) if _is_ours(one)]
        if not found:
            click.echo(f"Nothing is left of {f'run {run_id}' if run_id else 'any run'} in {client.describe()}.")
            return
        _ask(found, client.describe(), yes)
        removal = Removal(
            client,
            labels,
            selects=_is_ours,
            concurrency=concurrency,
            timeout_s=timeout,
            on_gone=lambda name: click.echo(f"gone: {name}"),
        )
        _report(removal.run())
    finally:
        _log_out(client)


def _client(host: str | None, run_id: str | None, all_runs: bool) -> RancherClient:
    if bool(run_id) == all_runs:
        raise InputError("which runs?", cure="give either --run-id ID or --all-runs")
    if not host:
        raise InputError("no Rancher was given", where="--host", cure="set RANCHER_URL to https://HOST[:PORT]")
    return RancherClient(host, Credentials.from_environment(os.environ), TlsPolicy.from_environment(os.environ))


def _is_ours(one: Listed) -> bool:
    return RUN_LABEL in one.labels


def _ask(found: list[Listed], where: str, yes: bool) -> None:
    runs: dict[str, int] = {}
    for one in found:
        runs[one.labels[RUN_LABEL]] = runs.get(one.labels[RUN_LABEL], 0) + 1
    click.echo(f"In {where}:")
    for run, number in sorted(runs.items()):
        click.echo(f"  run {run}: {number} clusters")
    if not yes:
        click.confirm(f"Delete {len(found)} clusters?", abort=True)


def _report(outcome: Outcome) -> None:
    click.echo(f"{outcome.gone} gone, {len(outcome.left)} left")
    if not outcome.clean:
        for name in outcome.left[:20]:
            click.echo(f"left: {name} {outcome.refused.get(name, '')}".rstrip(), err=True)
        if outcome.error:
            click.echo(f"last error: {outcome.error}", err=True)
        sys.exit(1)


def _log_out(client: RancherClient) -> None:
    try:
        client.logout()
    except RancherError as error:
        click.echo(f"warning: the token that logging in made could not be deleted: {error}", err=True)
    client.close()
