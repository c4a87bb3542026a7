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
#: What the real controllers were refused because of their own races, and told.
_RACES = "the object has been modified"
#: Steps whose outcome depends on the order of random names begin here.
UNTIL = {"deployment-proportional": "ready 0"}
#: A pod that is made on a node gets this label of it (plugin PodTopologyLabels); here only one that is bound to it.
_ZONE = "topology.kubernetes.io/zone"
#: A DaemonSet's pods are replaced in the random order of a Go map.
_NODES = re.compile(r"CL-[12](?=\")")


def applied(scenario: str, step: Obj) -> Obj:
    """What of a step is compared."""
    text = json.dumps(step["found"])
    if scenario not in _WITH_ADDRESSES:
        text = _ADDRESS.sub("10.42.0.N", text)
    if scenario == "daemonset":
        text = _NODES.sub("CL-N", text)
    text = _JOB_VERSION.sub('"V"', _SERVICE_ADDRESS.sub("10.43.N.N", text))
    found: Obj = json.loads(text)
    if scenario == "endpoints":
        for pod in found.get("pods", ()):
            pod["metadata"]["labels"].pop(_ZONE, None)
    for plural, change in _CHANGES.items():
        if plural in found:
            found[plural] = [one for one in map(change, found[plural]) if one is not None]
    return {plural: sorted(items, key=lambda one: json.dumps(one, sort_keys=True)) for plural, items in found.items()}


def _event(event: Obj) -> Obj | None:
    if _RACES in event["message"]:
        return None
    return {**event, "count": 0} if event["source"].get("component") in _REPEATING else event


def _volume(volume: Obj) -> Obj:
    """When its phase changed is the binder's field here; in a real server the strategy sets it, for nobody."""
    for entry in volume["metadata"]["managedFields"]:
        entry["fieldsV1"].get("f:status", {}).pop("f:lastPhaseTransitionTime", None)
    return volume


_CHANGES = {
    "events": _event,
    "persistentvolumes": _volume,
}
