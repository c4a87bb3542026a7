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


#: A random address of the service network.
_SERVICE_ADDRESS = re.compile(r"10\.43\.\d+\.\d+")
#: The version of a Job in the list of its CronJob's active ones.
_JOB_VERSION = re.compile(r'(?<="namespace": "NS", "resourceVersion": )"\d+"')
#: These look again every few seconds and tell again what they told: how often depends on the time of recording.
_REPEATING = ("persistentvolume-controller", "cronjob-controller", "controllermanager", "horizontal-pod-autoscaler")


def applied(scenario: str, step: Obj) -> Obj:
    """What of a step is compared."""
    text = json.dumps(step["found"])
    if scenario not in _WITH_ADDRESSES:
        text = _ADDRESS.sub("10.42.0.N", text)
    text = _JOB_VERSION.sub('"V"', _SERVICE_ADDRESS.sub("10.43.N.N", text))
    found: Obj = json.loads(text)
    for event in found.get("events", ()):
        if event["source"].get("component") in _REPEATING:
            event["count"] = 0
    return {plural: sorted(items, key=lambda one: json.dumps(one, sort_keys=True)) for plural, items in found.items()}
