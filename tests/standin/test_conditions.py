"""States follow from conditions as in the recordings, at every recorded moment."""

from __future__ import annotations

import pytest

from scale_agent.standin.conditions import Condition, State, recorded, summarize
from scale_agent.standin.steps import VERSIONS
from tests.standin.recordings import rest as read


def _timeline(version: str, path: str) -> list[dict[str, object]]:
    if (version, path) == ("2.15.0", "steve"):
        return list(read(version, "conditions-steve.json"))
    return list(read(version, f"rest-{path}-and-conditions.json")["timeline"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["steve", "norman"])
def test_every_recorded_state_is_what_its_conditions_say(version: str, path: str) -> None:
    for entry in _timeline(version, path):
        given = entry["conditions"]
        assert isinstance(given, dict)
        conditions = [Condition(kind, one[0], one[1] or "", one[2] or "") for kind, one in given.items()]
        # the recorder looked while the provisioner wrote: at this moment Waiting is first of three that are Unknown
        state = summarize(conditions)
        assert state.name == entry["state"]
        assert state.transitioning == (entry["transitioning"] == "yes")
        assert state.message == (entry["message"] if state.name != "pending" else "")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["steve", "norman"])
def test_the_changes_lead_to_the_recorded_end(version: str, path: str) -> None:
    end: dict[str, str] = {one.type: one.status for one in recorded(version, path)}
    last = _timeline(version, path)[-1]["conditions"]
    assert isinstance(last, dict)
    want = {kind: one[0] for kind, one in last.items() if kind not in ("Ready", "Connected", "Waiting")}
    assert {kind: status for kind, status in end.items() if kind != "Waiting"} == want


UP = (Condition("Pending", "True"), Condition("Provisioned", "True"), Condition("Waiting", "True"))


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ((), State("active")),
        (UP, State("active")),
        ((*UP, Condition("Ready", "True")), State("active")),
        ((*UP, Condition("Ready", "False", "Disconnected", "gone")), State("unavailable", True, False, "gone")),
        ((*UP, Condition("Ready", "Unknown")), State("unavailable", False, True)),
        ((*UP, Condition("Ready", "False", "Error", "bad")), State("error", False, True, "bad")),
        ((*UP, Condition("Any", "True", "Error", "bad")), State("error", False, True, "bad")),
        ((*UP, Condition("AgentDeployed", "False", "", "no")), State("provisioning", False, True, "no")),
        ((*UP, Condition("Updated", "Unknown")), State("updating", True)),
        ((*UP, Condition("Connected", "False")), State("active")),
    ],
)
def test_the_rule(conditions: tuple[Condition, ...], state: State) -> None:
    assert summarize(conditions) == state


def test_removing_overrides_everything() -> None:
    assert summarize(UP, removing=True).name == "removing"
