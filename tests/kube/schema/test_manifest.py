"""The committed data came from the pinned modules by the tool as it is: sums say so, nothing is built."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scale_agent.kube import data_files

ROOT = Path(__file__).parents[3]
DATA = ROOT / "scale_agent" / "kube" / "data"
PINS = ROOT / "tools" / "schemagen" / "versions"
VERSIONS = data_files.versions()


def generator() -> ModuleType:
    """``tools/schemagen/generate.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "tools" / "schemagen" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("generate", module)
    spec.loader.exec_module(module)
    return module


GENERATE: Any = generator()


def manifest(version: str) -> Any:
    return json.loads((DATA / f"{version}-manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", VERSIONS)
def test_data_is_what_the_tool_made(version: str) -> None:
    """Files, pins, module versions and the tool's own sources."""
    assert manifest(version) == GENERATE.sums(version), f"run: make schema VERSION={version}"


@pytest.mark.parametrize("version", VERSIONS)
def test_modules_are_of_the_version(version: str) -> None:
    """Kubernetes itself, and every staging module at the same minor version and patch level."""
    published = f"v0.{version.removeprefix('v1.')}"
    modules = manifest(version)["modules"]
    assert modules["k8s.io/kubernetes"] == version
    text = (PINS / f"{version}.mod").read_text(encoding="utf-8")
    assert set(re.findall(r"^\tk8s.io/\S+ => \S+ (\S+)$", text, re.MULTILINE)) == {published}


def test_every_file_belongs_to_a_version() -> None:
    """Nothing left over, no version without pins, all versions with the same files."""
    names = {version: {path.name.removeprefix(version) for path in DATA.glob(f"{version}-*")} for version in VERSIONS}
    assert sum(len(found) for found in names.values()) == len(list(DATA.iterdir()))
    assert len({frozenset(found) for found in names.values()}) == 1
    assert {path.stem for path in PINS.glob("*.mod")} == {path.stem for path in PINS.glob("*.sum")} == set(VERSIONS)


def test_a_changed_byte_shows(tmp_path: Path) -> None:
    """Of names as of contents."""
    one = tmp_path / "a"
    one.write_bytes(b"1")
    before = GENERATE.digest([one])
    one.write_bytes(b"2")
    assert GENERATE.digest([one]) != before
    other = tmp_path / "b"
    other.write_bytes(b"1")
    assert GENERATE.digest([other]) != before


def test_pins_are_made_from_kubernetes_own_module() -> None:
    """Its language version, godebug, etcd and staging modules; nothing of the tool's needs an edit."""
    theirs = {
        "Go": "1.27.0",
        "Godebug": [{"Key": "default", "Value": "go1.27"}],
        "Replace": [
            {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
            {"Old": {"Path": "example.com/fork"}, "New": {"Path": "example.com/other", "Version": "v1.0.0"}},
        ],
        "Require": [{"Path": path, "Version": "v9.9.9"} for path in GENERATE.THEIRS],
    }
    text = GENERATE.module_text("v1.40.3", theirs)
    assert "\tk8s.io/api => k8s.io/api v0.40.3\n" in text
    assert "fork" not in text
    assert "\tk8s.io/kubernetes v1.40.3\n" in text
    assert "\tgo.etcd.io/etcd/server/v3 v9.9.9\n" in text
    assert "go 1.27.0\ngodebug default=go1.27\n" in text
