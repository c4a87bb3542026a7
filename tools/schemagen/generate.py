"""``make schema``: the data files of one Kubernetes version, from the modules of that version.

    python tools/schemagen/generate.py v1.36.2 [types protos defaults internals server]

The version is said once, here. ``versions/VERSION.mod`` and ``.sum`` pin what the tool is built from; for a version
that has none they are made from the go.mod of ``k8s.io/kubernetes`` itself (its staging modules at v0.MINOR.PATCH, its
etcd). Then the tool is built and run, and ``VERSION-manifest.json`` says what the data came from: the tests compare it
with the files (``tests/kube/schema/test_manifest.py``). Nothing is edited by hand between versions.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "scale_agent" / "kube" / "data"
PARTS = ("types", "protos", "defaults", "internals", "server")
KUBERNETES = "k8s.io/kubernetes"
#: Modules of the tool that Kubernetes does not need itself.
OWN = {"github.com/bufbuild/protocompile": "v0.14.1"}
#: Taken in the version that Kubernetes' own go.mod names.
THEIRS = ("github.com/google/gnostic-models", "go.etcd.io/etcd/server/v3", "google.golang.org/protobuf")


def main(arguments: Sequence[str]) -> None:
    """Make the named parts (all) of a version."""
    version, *parts = arguments
    if not re.fullmatch(r"v1\.\d+\.\d+", version) or not set(parts) <= set(PARTS):
        sys.exit(__doc__)
    if not modfile(version).exists():
        pin(version)
    tool = build(version)
    run([str(tool), "-out", str(DATA), *(parts or PARTS)], env=environment(version))
    for raw in DATA.glob(f"{version}-*.raw"):
        raw.with_suffix(".xz").write_bytes(lzma.compress(raw.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
        raw.unlink()
    manifest = DATA / f"{version}-manifest.json"
    manifest.write_text(json.dumps(sums(version), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(manifest)


def modfile(version: str) -> Path:
    """Where the modules of a version are pinned; ``.sum`` lies beside it."""
    return HERE / "versions" / f"{version}.mod"


def go() -> str:
    """The go command: ``GO``, as the Makefile has it, or the one in PATH."""
    return os.environ.get("GO") or shutil.which("go") or sys.exit("no go command: set GO")


def environment(version: str) -> dict[str, str]:
    """What go is run with; it holds for the go commands of the tool, too."""
    return {**os.environ, "GOFLAGS": f"-modfile={modfile(version)} -buildvcs=false", "GOWORK": "off"}


def run(command: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Run in the tool's directory; its standard output, also printed. Raises ``CalledProcessError``."""
    print("+", *command, flush=True)
    made = subprocess.run(
        command, cwd=HERE, env=env or {**os.environ, "GOFLAGS": ""}, check=True, stdout=subprocess.PIPE
    )
    return made.stdout.decode()


def pin(version: str) -> None:
    """Write ``versions/VERSION.mod`` and ``.sum``."""
    downloaded = json.loads(run([go(), "mod", "download", "-json", f"{KUBERNETES}@{version}"]))
    theirs = json.loads(run([go(), "mod", "edit", "-json", downloaded["GoMod"]]))
    modfile(version).parent.mkdir(exist_ok=True)
    modfile(version).write_text(module_text(version, theirs), encoding="utf-8")
    try:
        run([go(), "mod", "tidy"], env=environment(version))
    except subprocess.CalledProcessError:
        for half in (modfile(version), modfile(version).with_suffix(".sum")):  # the next run starts anew
            half.unlink(missing_ok=True)
        raise


def module_text(version: str, theirs: dict[str, Any]) -> str:
    """A go.mod with Kubernetes' own choices: language version, godebug, staging modules, etcd."""
    staging = sorted(one["Old"]["Path"] for one in theirs["Replace"] if one["New"]["Path"].startswith("./staging/"))
    published = f"v0.{version.removeprefix('v1.')}"
    named = {one["Path"]: one["Version"] for one in theirs["Require"]}
    needed = {**OWN, **{path: named[path] for path in THEIRS}, KUBERNETES: version}
    debug = [f"godebug {one['Key']}={one['Value']}" for one in theirs.get("Godebug") or ()]
    lines = ["module scale-agent/tools/schemagen", f"go {theirs['Go']}", *debug]
    lines += block("require", (f"{path} {needed[path]}" for path in sorted(needed)))
    lines += block("replace", (f"{path} => {path} {published}" for path in staging))
    return "\n".join(lines) + "\n"


def block(name: str, rows: Iterable[str]) -> list[str]:
    """A directive of go.mod with several rows."""
    return [f"{name} (", *(f"\t{row}" for row in rows), ")"]


def build(version: str) -> Path:
    """The tool, linked with the control plane of that version, which says so itself."""
    _, minor, _ = version.split(".")
    says = {"gitVersion": version, "gitMajor": "1", "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in says.items())
    tool = HERE / f"schemagen-{version}"
    run([go(), "build", "-ldflags", flags, "-o", str(tool), "."], env=environment(version))
    return tool


def sums(version: str) -> dict[str, Any]:
    """What the data of a version is and came from: SHA-256 of each file, and the versions of the modules."""
    return {
        "version": version,
        "modules": modules(modfile(version).read_text(encoding="utf-8")),
        "data": {path.name: digest([path]) for path in sorted(DATA.glob(f"{version}-*")) if path.suffix != ".json"},
        "pins": digest([modfile(version), modfile(version).with_suffix(".sum")]),
        "tool": digest(sorted([*HERE.glob("*.go"), HERE / "generate.py"])),
    }


def modules(text: str) -> dict[str, str]:
    """The direct requirements of a go.mod, and what replaces the staging modules."""
    replaced = dict(re.findall(r"^\t(\S+) => \S+ (\S+)$", text, re.MULTILINE))
    required = dict(re.findall(r"^\t(\S+) (v\S+)$", text, re.MULTILINE))
    return {path: replaced.get(path, version) for path, version in required.items()}


def digest(paths: Iterable[Path]) -> str:
    """One SHA-256 over names and contents."""
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
