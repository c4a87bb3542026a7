"""A run's options: what a person can set, checked once, as one value.

Arguments are added to Locust's parser without a group (grouped ones never show in the web UI) and have typed
defaults (the web UI keeps the type of the current value). Secrets are not options: the token, or user and password,
come from the environment or from a file that only the user can read, because the process list shows flags, and the
web page and the messages to workers show options.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from locust.argument_parser import LocustArgumentParser

from scale_agent.errors import InputError
from scale_agent.load.labels import check_prefix, check_run_id, new_run_id
from scale_agent.load.shapes.settings import SHAPE_ARGUMENTS
from scale_agent.rancher.url import parse_server_url

#: Option name → what the parser needs to know. ``ui`` says whether the web UI's start form shows it.
ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "--profile",
        {
            "dest": "cluster_profile",
            "env_var": "PROFILE",
            "default": "profiles/small.yaml",
            "metavar": "FILE",
            "help": "What a simulated cluster contains and how it behaves: a YAML file.",
        },
    ),
    (
        "--run-id",
        {
            "env_var": "SCALE_RUN_ID",
            "default": "auto",
            "metavar": "ID",
            "help": "Names and labels the clusters; an interrupted run's id adopts what it left. auto: from the time.",
        },
    ),
    (
        "--create-path",
        {
            "env_var": "SCALE_CREATE_PATH",
            "default": "v1",
            "choices": ["v1", "v3"],
            "help": "Create clusters by /v1/provisioning.cattle.io.clusters or by /v3/clusters.",
        },
    ),
    (
        "--hold",
        {
            "env_var": "SCALE_HOLD",
            "type": float,
            "default": -1.0,
            "metavar": "SECONDS",
            "help": "Seconds to hold after the last became active or failed; then the run ends. -1: until stopped.",
        },
    ),
    (
        "--active-timeout",
        {
            "env_var": "SCALE_ACTIVE_TIMEOUT",
            "type": float,
            "default": 600.0,
            "metavar": "SECONDS",
            "help": "Seconds after the start of its life by which a cluster that is not active has failed.",
        },
    ),
    (
        "--name-prefix",
        {
            "env_var": "SCALE_NAME_PREFIX",
            "default": "sim",
            "metavar": "PREFIX",
            "help": "Clusters are named PREFIX-RUNID-NUMBER.",
        },
    ),
    (
        "--create-concurrency",
        {
            "env_var": "SCALE_CREATE_CONCURRENCY",
            "type": int,
            "default": 10,
            "metavar": "N",
            "help": "At most this many clusters are being created at once, per process.",
        },
    ),
    (
        "--imports-at-once",
        {
            "env_var": "SCALE_IMPORTS_AT_ONCE",
            "type": int,
            "default": 0,
            "metavar": "N",
            "help": "At most this many clusters are on their way to active at once, per process. 0: any number.",
        },
    ),
    (
        "--delete-concurrency",
        {
            "env_var": "SCALE_DELETE_CONCURRENCY",
            "type": int,
            "default": 5,
            "metavar": "N",
            "help": "At most this many clusters are being deleted at once when the run ends.",
        },
    ),
    (
        "--keep-clusters",
        {
            "env_var": "SCALE_KEEP_CLUSTERS",
            "action": "store_true",
            "default": False,
            "help": "Do not delete the clusters when the run ends.",
        },
    ),
    (
        "--out",
        {
            "env_var": "SCALE_OUT",
            "default": "runs/{run_id}",
            "metavar": "DIR",
            "include_in_web_ui": False,
            "help": "Directory of records.jsonl and clusters.csv.",
        },
    ),
    (
        "--standin",
        {
            "env_var": "SCALE_STANDIN",
            "action": "store_true",
            "default": False,
            "include_in_web_ui": False,
            "help": "Start a stand-in Rancher and load that one. It is not Rancher: see its limits.",
        },
    ),
    (
        "--token-file",
        {
            "env_var": "RANCHER_TOKEN_FILE",
            "default": "",
            "metavar": "FILE",
            "include_in_web_ui": False,
            "help": "File with Rancher's API token; else RANCHER_TOKEN, or RANCHER_USER and RANCHER_PASSWORD, is used.",
        },
    ),
    *SHAPE_ARGUMENTS,
)


#: Set by the process that started a stand-in, and shipped to workers with the options: the path of its ready file.
STANDIN_FILE = "scale_standin_file"
#: The same for the run's id: what ``auto`` became.
RUN_ID = "scale_run_id"


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the options to Locust's parser. Pure: the web UI calls it for every page.

    ``--profile`` was Locust's (a word that groups test runs of its cloud); here it is the cluster's profile.
    """
    options = parser._optionals  # ungrouped options live in a group of their own, with its own idea of conflicts
    handler, options.conflict_handler = options.conflict_handler, "resolve"
    for flag, settings in ARGUMENTS:
        parser.add_argument(flag, **settings)
    options.conflict_handler = handler
    parser.set_defaults(profile=None)
    if url := os.environ.get("RANCHER_URL"):
        parser.set_defaults(host=url)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of one run, valid. Durations in seconds."""

    host: str
    profile: str
    run_id: str
    create_path: Literal["v1", "v3"]
    hold_s: float
    active_timeout_s: float
    name_prefix: str
    create_concurrency: int
    imports_at_once: int
    delete_concurrency: int
    keep_clusters: bool
    out: str
    csv_prefix: str | None
    token_file: str
    standin_file: str


def read_options(parsed: argparse.Namespace, host: str | None) -> RunOptions:
    """Options as Locust holds them now, the run id as :func:`settle_run_id` chose. Raises :class:`InputError`."""
    values: Mapping[str, Any] = vars(parsed)
    create_path = str(values["create_path"])
    if create_path not in ("v1", "v3"):
        raise InputError(f"{create_path!r} is no way to create a cluster", where="--create-path", cure="use v1 or v3")
    run_id = check_run_id(str(values.get(RUN_ID) or values["run_id"]))
    if values.get("headless"):  # the web UI asks for the number, and checks it
        _check_users(values)
    return RunOptions(
        host=_check_host(host),
        profile=str(values["cluster_profile"]),
        run_id=run_id,
        create_path=cast('Literal["v1", "v3"]', create_path),
        hold_s=float(values["hold"]),
        active_timeout_s=_positive(values, "active_timeout"),
        name_prefix=check_prefix(str(values["name_prefix"])),
        create_concurrency=int(_positive(values, "create_concurrency")),
        imports_at_once=_not_negative(values, "imports_at_once"),
        delete_concurrency=int(_positive(values, "delete_concurrency")),
        keep_clusters=bool(values["keep_clusters"]),
        out=str(values["out"]).replace("{run_id}", run_id),
        csv_prefix=values.get("csv_prefix"),
        token_file=str(values["token_file"]),
        standin_file=str(values.get(STANDIN_FILE, "")),
    )


def profiles(options: RunOptions, user_classes: Iterable[object]) -> list[str]:
    """The run's profile and those that user classes name, each once."""
    own = (str(getattr(user, "profile", "")) for user in user_classes)
    return list(dict.fromkeys((options.profile, *filter(None, own))))


def settle_run_id(parsed: argparse.Namespace, now: dt.datetime) -> None:
    """Decide once per run what ``auto`` means; the answer travels to the workers with the other options."""
    asked = str(parsed.run_id)
    setattr(parsed, RUN_ID, new_run_id(now) if asked == "auto" else asked)


def _positive(values: Mapping[str, Any], name: str) -> float:
    number = float(values[name])
    if number > 0:
        return number
    raise InputError(f"{number:g} is not positive", where="--" + name.replace("_", "-"), cure="use a larger number")


def _not_negative(values: Mapping[str, Any], name: str) -> int:
    number = int(values[name])
    if number >= 0:
        return number
    raise InputError(f"{number} is negative", where="--" + name.replace("_", "-"), cure="use 0 for any number")


def _check_users(values: Mapping[str, Any]) -> None:
    """Locust takes any number, and calls a run of none a success."""
    users = values.get("num_users")
    if users is not None and users < 1:
        raise InputError(f"{users} users are no run", where="--users", cure="each user is one cluster: give at least 1")


def _check_host(host: str | None) -> str:
    if not host:
        cure = "set RANCHER_URL or --host to https://HOST[:PORT], or use --standin"
        raise InputError("no Rancher was given", where="--host", cure=cure)
    return str(parse_server_url(host))
