"""Before the first cluster: everything a person can have got wrong, found out with a handful of requests."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scale_agent.errors import InputError
from scale_agent.load.doors import Doors
from scale_agent.load.options import ARGUMENTS, RunOptions, profiles

#: Locust's own fields that a shape looks at: field, option, and a value of its type.
_LOCUSTS = (("user_count", "num_users", 1), ("spawn_rate", "spawn_rate", 1.0))


@dataclass(frozen=True, slots=True)
class Inspection:
    """A Rancher that was looked at: what to say about the run to come."""

    version: str
    banner: str


def inspect(options: RunOptions, doors: Doors, user_classes: Iterable[object] = ()) -> Inspection:
    """Read the profiles (also those of ``user_classes``), log in and look at the server.

    Raises :class:`~scale_agent.errors.ScaleAgentError`.
    """
    for profile in profiles(options, user_classes):
        doors.check_profile(profile)
    client = doors.client(options, None)
    try:
        client.login()
        server = client.server()
        client.logout()
    finally:
        client.close()
    banner = (
        f"Rancher {server.version} at {options.host}, {doors.describe_tls(options)}; "
        f"run {options.run_id}, profile {options.profile}, files in {options.out}"
    )
    return Inspection(server.version, banner)


def with_form(parsed: argparse.Namespace, form: Mapping[str, str]) -> argparse.Namespace:
    """The options as the web UI's form would set them, types checked. Raises :class:`InputError`."""
    if form.get("profile"):
        raise InputError(
            "Locust's own field Profile is not used here",
            where="Advanced options",
            cure="leave it empty, and name the file in Cluster Profile",
        )
    merged = argparse.Namespace(**vars(parsed))
    for flag, settings in ARGUMENTS:
        name = settings.get("dest") or flag.removeprefix("--").replace("-", "_")
        if name in form:
            setattr(merged, name, _typed(flag, form[name], settings.get("default")))
    for field, name, default in _LOCUSTS:
        if field in form:
            setattr(merged, name, _typed(f"--{name}", form[field], default))
    return merged


def _typed(flag: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        return text == "true"
    try:
        return type(default)(text) if isinstance(default, int | float) else text  # bool was handled above
    except ValueError:
        raise InputError(f"{text!r} is no number", where=flag, cure="use digits") from None
