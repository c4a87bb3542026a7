"""``python -m scale_agent api``: one simulated cluster's API, for kubectl, for tests, for looking."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import click
import gevent
from gevent.event import Event

from scale_agent.cluster import kubeconfig as kubeconfigs
from scale_agent.cluster.profile import load
from scale_agent.cluster.standalone import Standalone
from scale_agent.errors import InputError


@click.command("api")
@click.option("--profile", required=True, metavar="FILE", help="What the cluster contains: profiles/small.yaml.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one", help="On 127.0.0.1.")
@click.option("--kubeconfig", metavar="FILE", help="Write the kubeconfig there (mode 0600) instead of printing it.")
@click.option("--seed", default="", help="Makes ids, names, authority and token the same on every run.")
def command(profile: str, port: int, kubeconfig: str | None, seed: str) -> None:
    """Serve one simulated cluster's Kubernetes API on loopback, until Ctrl-C or SIGTERM.

    The kubeconfig holds the administrator's token; without --seed the token is new with every start.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    served = Standalone(load(profile), port=port, seed=seed)
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, stopped.set)
    if kubeconfig is not None:
        kubeconfigs.write(Path(kubeconfig), served.kubeconfig)
    served.start()
    _tell(served, kubeconfig)
    stopped.wait()
    served.stop()


def _tell(served: Standalone, kubeconfig: str | None) -> None:
    """What a person needs, on standard output; with a kubeconfig there, all else goes to standard error."""
    try:
        if kubeconfig is None:
            click.echo(served.kubeconfig, nl=False)
        else:
            click.echo(f"kubeconfig: {kubeconfig}")
    except OSError as error:
        what = f"cannot write to standard output: {error.strerror}"
        raise InputError(what, cure="write the kubeconfig to a file: --kubeconfig FILE") from None
    click.echo(f"serving at {served.url}; Ctrl-C ends it", err=kubeconfig is None)
