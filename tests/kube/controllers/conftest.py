"""What holds for every test of controllers: what they are shown together, none of them changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
import pytest

from scale_agent.kube.core import Core
from scale_agent.kube.storage.version import Obj, Version


@pytest.fixture(autouse=True)
def _seen_is_stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``Core.seen`` shows what is stored, to the last looker: compared whenever the controllers are done."""
    shown: dict[tuple[int, int], tuple[Version, Obj]] = {}
    seen, remember, forget = Core.seen, Core.remember, Core.forget_seen

    def watched(core: Core, version: Version) -> Obj:
        found = seen(core, version)
        return shown.setdefault((id(core), version.rv), (version, found))[1]

    def remembered(core: Core, version: Version, obj: Obj | Callable[[], Obj]) -> Version:
        shown[(id(core), version.rv)] = (version, obj if isinstance(obj, dict) else obj())
        return remember(core, version, obj)

    def compared(core: Core) -> None:
        for key in [key for key in shown if key[0] == id(core)]:
            version, obj = shown.pop(key)
            changed.extend([version.name] if orjson.dumps(obj) != orjson.dumps(version.object()) else [])
        forget(core)

    changed: list[str] = []
    monkeypatch.setattr(Core, "seen", watched)
    monkeypatch.setattr(Core, "remember", remembered)
    monkeypatch.setattr(Core, "forget_seen", compared)
    yield
    assert changed == [], "somebody changed what all controllers see"
