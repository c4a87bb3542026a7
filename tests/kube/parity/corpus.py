"""All scripts, by theme: ``scripts/THEME.py`` has a tuple ``SCRIPTS``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from tests.kube.parity.steps import Script

SCRIPTS = Path(__file__).parent / "scripts"


def themes() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in SCRIPTS.glob("[a-z]*.py"))


@cache
def scripts(theme: str) -> tuple[Script, ...]:
    """A theme's scripts. Raises ``ValueError`` if two have one name."""
    found: tuple[Script, ...] = import_module(f"tests.kube.parity.scripts.{theme}").SCRIPTS
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{theme}: two scripts have one name")
    return found


def namespace(theme: str, script: Script) -> str:
    """Where a script runs."""
    return f"p-{theme.replace('_', '-')}-{script.name}"
