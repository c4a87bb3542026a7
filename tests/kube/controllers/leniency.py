"""What is left out of the comparison with recordings, and why."""

from __future__ import annotations

import json
import re
from typing import Any

Obj = dict[str, Any]
#: Which of several equal pods goes is decided by random uids; the player numbers addresses by name.
_ADDRESS = re.compile(r"10\.42\.0\.\d+")
#: Here pods have fixed names, and addresses are what it is about.
_WITH_ADDRESSES = ("endpoints",)


def applied(scenario: str, step: Obj) -> Obj:
    """What of a step is compared."""
    text = json.dumps(step["found"])
    if scenario not in _WITH_ADDRESSES:
        text = _ADDRESS.sub("10.42.0.N", text)
    found: Obj = json.loads(text)
    return {plural: sorted(items, key=lambda one: json.dumps(one, sort_keys=True)) for plural, items in found.items()}
