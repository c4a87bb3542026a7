"""A kubeconfig for one simulated cluster: its text, and how it gets into a file that only its owner can read."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

import yaml

from scale_agent.errors import InputError

#: The first line of every kubeconfig made here: a file without it is somebody's own, and is not replaced.
MARK = "# Written by `python -m scale_agent api`: a simulated cluster on this machine."


def text(name: str, server: str, ca_pem: bytes, token: str) -> str:
    """The kubeconfig (YAML) of a cluster called ``name`` at ``server`` (a URL)."""
    user = f"{name}-admin"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"certificate-authority-data": b64encode(ca_pem).decode(), "server": server}}
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
        "users": [{"name": user, "user": {"token": token}}],
    }
    return f"{MARK}\n{yaml.safe_dump(content, sort_keys=False)}"


def write(path: Path, content: str) -> None:
    """Write a kubeconfig whole or not at all, mode 0600.

    A file that was not written by this function (``~/.kube/config``) is left alone. Raises :class:`InputError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _refuse_others(path)
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = f"cannot write the kubeconfig: {os.strerror(error.errno or 0)}"
        raise InputError(what, where=str(path), cure="choose another --kubeconfig") from None


def _refuse_others(path: Path) -> None:
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(len(MARK))
        if start in (b"", MARK.encode()):
            return
    what = "will not replace what another program wrote"
    raise InputError(what, where=str(path), cure="name a new file, and point KUBECONFIG at it")
