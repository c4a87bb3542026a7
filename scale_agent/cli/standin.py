"""``python -m scale_agent standin``."""

from __future__ import annotations

import logging
import signal

import click
import gevent

from scale_agent.standin import LIMITS
from scale_agent.standin.probes import PERIOD_S
from scale_agent.standin.server import Options, StandIn
from scale_agent.standin.steps import VERSIONS


@click.command(help="A stand-in Rancher on loopback. It is not Rancher:\n\n" + "\n\n".join(LIMITS))
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any", envvar="STANDIN_PORT")
@click.option("--rancher-version", type=click.Choice(VERSIONS), default=VERSIONS[0], show_default=True)
@click.option("--ready-file", type=click.Path(dir_okay=False), default="", help="JSON, written once it serves.")
@click.option("--directory", type=click.Path(file_okay=False, exists=True), default=None, help="Where ca.pem goes.")
@click.option("--user", default="admin", show_default=True)
@click.option("--password", default="adminadminadmin", show_default=True, envvar="STANDIN_PASSWORD")
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Divides recorded times."
)
@click.option("--probe-period", type=click.FloatRange(0.05), default=PERIOD_S, show_default=True, help="Seconds.")
@click.option("--no-server-url", is_flag=True, help="As a Rancher whose server-url is not set.")
@click.option("--seed", default="", help="Makes ids and tokens the same on every run.")
@click.option("--verbose", is_flag=True)
def command(
    port: int,
    rancher_version: str,
    ready_file: str,
    directory: str | None,
    user: str,
    password: str,
    speed: float,
    probe_period: float,
    no_server_url: bool,
    seed: str,
    verbose: bool,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s")
    options = Options(
        port, rancher_version, user, password, speed, probe_period, ready_file, directory or "", not no_server_url, seed
    )
    standin = StandIn(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, standin.stop)
    standin.start()
    click.echo(f"stand-in of Rancher {rancher_version} (it is not Rancher) at {standin.url}")
    click.echo(f"RANCHER_URL={standin.url}\nRANCHER_CACERT={standin.ca_file}")
    click.echo("A token is in the ready file." if ready_file else f"Log in as {user}, or use --ready-file for a token.")
    standin.wait()
