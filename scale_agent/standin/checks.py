"""Is an answer of the cluster one that Rancher can use? The rules are the recorded answers'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scale_agent.standin.memory import ACCOUNT_TOKEN
from scale_agent.standin.paths import RESOURCES, collection_kind
from scale_agent.standin.steps import Step

REASONS = {404: ("NotFound",), 409: ("Conflict", "AlreadyExists")}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent: the path, and the body (of a PUT, only what it changes)."""

    path: str
    body: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problem`` is a sentence, empty if the answer is good; ``retry``: Rancher would ask again."""

    problem: str = ""
    retry: bool = False


GOOD = Verdict()
AGAIN = Verdict(retry=True)


def judge(step: Step, asked: Asked, status: int, content_type: str, answer: Any) -> Verdict:
    """Judge one complete answer to what was ``asked``. ``answer`` is the decoded body: an object, or text."""
    if status != step.status:
        return _other_status(step, status, answer)
    if problem := _representation(content_type, answer):
        return Verdict(problem)
    if status >= 400:
        return Verdict(_refusal(status, answer)) if step.path not in _PLAIN_REFUSALS else GOOD
    for start, check in _BY_PATH:
        if step.path.startswith(start):
            return Verdict(check(answer))
    return _object(step, asked, answer)


def _other_status(step: Step, status: int, answer: Any) -> Verdict:
    if status == 409 and step.method == "PUT":
        return AGAIN
    if step.method == "POST" and {status, step.status} == {201, 409}:
        return GOOD  # who of two wins a race is not told by the recording; a retried POST exists already
    message = answer.get("message", "") if isinstance(answer, dict) else str(answer)[:200]
    return Verdict(f"answered {status} where {step.status} was recorded: {message}".rstrip(": "))


def _representation(content_type: str, answer: Any) -> str:
    if not content_type:
        return "the answer has no Content-Type"
    if isinstance(answer, str) and content_type.startswith(("application/json", "application/vnd.kubernetes")):
        return f"the body is not {content_type}"
    return ""


_PLAIN_REFUSALS = ("/apis/k3s.cattle.io/v1",)


def _refusal(status: int, answer: Any) -> str:
    if not isinstance(answer, dict) or answer.get("kind") != "Status":
        return f"a refusal {status} without a Status object"
    if answer.get("code") != status or answer.get("reason") not in REASONS.get(status, (answer.get("reason"),)):
        return f"a Status of code {answer.get('code')} and reason {answer.get('reason')} with status {status}"
    return ""


def _version(answer: Any) -> str:
    good = isinstance(answer, dict) and str(answer.get("gitVersion", "")).startswith("v1.")
    return "" if good else "no gitVersion in /version"


def _discovery(answer: Any) -> str:
    kinds = ("APIGroupDiscoveryList", "APIVersions", "APIGroupList", "APIResourceList")
    return "" if isinstance(answer, dict) and answer.get("kind") in kinds else "discovery of an unknown kind"


def _index(answer: Any) -> str:
    paths = answer.get("paths") if isinstance(answer, dict) else None
    missing = [
        name for name in ("api/v1", "apis/apps/v1", "apis/rbac.authorization.k8s.io/v1") if name not in (paths or {})
    ]
    return f"the OpenAPI index lacks {', '.join(missing)}" if missing else ""


def _document(answer: Any) -> str:
    good = isinstance(answer, dict) and "openapi" in answer and answer.get("paths")
    return "" if good else "an OpenAPI document without paths"


def _text(answer: Any) -> str:
    return "" if answer == "ok" else "the probe was not answered ok"


_BY_PATH: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("/version", _version),
    ("/readyz", _text),
    ("/openapi/v3/", _document),
    ("/openapi/v3", _index),
)


def _object(step: Step, asked: Asked, answer: Any) -> Verdict:
    if step.path in ("/api", "/apis"):
        return Verdict(_discovery(answer))
    if not isinstance(answer, dict):
        return Verdict("the answer is not an object")
    listed = collection_kind(step.path)
    if step.method == "GET" and listed:
        return Verdict(_list(listed, answer))
    if step.method == "DELETE":
        return GOOD if answer.get("kind") == "Status" or "metadata" in answer else Verdict("DELETE answered no Status")
    return _single(step, asked, answer)


def _list(expected: tuple[str, str], answer: dict[str, Any]) -> str:
    if (answer.get("apiVersion"), answer.get("kind")) != (expected[0], expected[1] + "List"):
        return f"a list of {expected[1]} is of kind {answer.get('kind')} {answer.get('apiVersion')}"
    return "" if answer.get("metadata", {}).get("resourceVersion") else "a list without resourceVersion"


def _single(step: Step, asked: Asked, answer: dict[str, Any]) -> Verdict:
    metadata = answer.get("metadata") or {}
    missing = [key for key in ("name", "uid", "resourceVersion", "creationTimestamp") if not metadata.get(key)]
    if missing:
        return Verdict(f"the answered object lacks metadata.{missing[0]}")
    if (answer.get("apiVersion"), answer.get("kind")) not in RESOURCES:
        return Verdict(f"an object of kind {answer.get('kind')} {answer.get('apiVersion')}")
    if step.method == "POST":
        return Verdict(_created(asked.body, answer))
    if step.method == "PUT":
        return Verdict(_lacks(asked.body, answer))
    if step.method == "PATCH":
        return Verdict(_patched(asked.body, answer))
    return _read(step, asked, answer)


def _created(sent: dict[str, Any], answer: dict[str, Any]) -> str:
    metadata, name = sent["metadata"], answer["metadata"]["name"]
    prefix = metadata.get("generateName") or ""
    if not metadata.get("name") and not (name.startswith(prefix) and len(name) > len(prefix)):
        return f"generateName {prefix} was not honoured: the name is {name}"
    return _lacks({key: value for key, value in sent.items() if key in ("kind", "rules", "roleRef", "type")}, answer)


def _lacks(sent: Any, answer: Any, where: str = "") -> str:
    """The first place where ``answer`` does not hold what was sent (empty values may be left out)."""
    if isinstance(sent, dict) and isinstance(answer, dict):
        for key, value in sent.items():
            if value in (None, "", [], {}) or key == "ownerReferences":
                continue
            if problem := _lacks(value, answer.get(key), f"{where}.{key}"):
                return problem
        return ""
    if isinstance(sent, list) and isinstance(answer, list) and len(sent) == len(answer):
        return next(
            (p for i, (a, b) in enumerate(zip(sent, answer, strict=True)) if (p := _lacks(a, b, f"{where}[{i}]"))), ""
        )
    return "" if sent == answer else f"the answered object does not hold what was sent at {where.lstrip('.')}"


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    """The agent's container of its Deployment, empty if there is none."""
    spec = deployment.get("spec", {}).get("template", {}).get("spec", {})
    found = [one for one in spec.get("containers") or () if one.get("name") == "cluster-register"]
    return found[0] if found else {}


def _patched(patch: dict[str, Any], answer: dict[str, Any]) -> str:
    wanted = container(patch)
    have = {one["name"]: one.get("value", "") for one in container(answer).get("env") or ()}
    for one in wanted.get("env") or ():
        if have.get(one["name"]) != one.get("value", "") and one.get("$patch") != "delete":
            return f"the patched Deployment lacks {one['name']}"
    order = [one["name"] for one in wanted.get("$setElementOrder/env") or ()]
    if [name for name in have if name in order] != [name for name in order if name in have]:
        return "the patched Deployment's variables are not in the order of $setElementOrder"
    note = patch.get("metadata", {}).get("annotations", {}).get(_LAST_APPLIED)
    kept = answer["metadata"].get("annotations", {}).get(_LAST_APPLIED)
    return "the patched Deployment does not keep what was applied" if note and note != kept else ""


def _read(step: Step, asked: Asked, answer: dict[str, Any]) -> Verdict:
    wanted = asked.path.rsplit("/", 1)[-1]
    if answer["metadata"]["name"] != wanted:
        return Verdict(f"{wanted} was asked for, {answer['metadata']['name']} came")
    if answer.get("type") == ACCOUNT_TOKEN and not (answer.get("data") or {}).get("token"):
        return AGAIN
    if "deployed" in step.marks and "CATTLE_FEATURES" not in {
        one["name"] for one in container(answer).get("env") or ()
    }:
        return Verdict("the agent's Deployment lost what kubectl applied")
    if "deployed" in step.marks and not container(answer).get("image"):
        return Verdict("the agent's Deployment has no container cluster-register with an image")
    return GOOD
