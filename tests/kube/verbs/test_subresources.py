"""Subresources of pods, namespaces and nodes. Refusals: a 1.36.2 control plane's to the same requests."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.verbs.log_lines import KEPT, Output
from scale_agent.kube.verbs.logs import LogStream
from tests.kube.testbed import START_S, VERSION, Bed, events

DEFAULT = "/api/v1/namespaces/default"
PODS = f"{DEFAULT}/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
MERGE = "application/merge-patch+json"


def pod(bed: Bed, name: str = "p", *containers: str, node: str = "node-1", **spec: Any) -> None:
    """A pod that no controller touches: no kubelet knows how to start its image."""
    listed = [{"name": one, "image": "nginx:1.29"} for one in containers or ("c",)]
    placed = {"nodeName": node} if node else {}
    body = {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": listed, **placed, **spec}}
    bed.post(PODS, body)


def nodeless() -> Bed:
    """A cluster in which no pod gets a node by itself."""
    return Bed(Snapshot.build([], version=VERSION, now=START_S))


def set_status(bed: Bed, name: str = "p", **status: Any) -> None:
    bed.call("PATCH", f"{PODS}/{name}/status", {"status": status}, media=MERGE)


def running(bed: Bed, name: str = "p", container: str = "c", **more: Any) -> None:
    """A container that started when the clock did."""
    state = {"state": {"running": {"startedAt": "2027-01-15T08:00:00Z"}}, **more}
    one = {"name": container, "image": "nginx:1.29", "imageID": "", "ready": True, "restartCount": 0, **state}
    set_status(bed, name, phase="Running", containerStatuses=[one])


def log(bed: Bed, path: str = "p", **query: Any) -> list[str]:
    answer = bed.ask("GET", f"{PODS}/{path}/log", **query)
    assert answer.status == 200, answer.body
    assert ("Content-Type", "text/plain") in answer.headers
    return answer.body.decode().splitlines()


# -- logs ------------------------------------------------------------------------------------------------------------


def test_a_log_grows_and_never_changes() -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    bed.now_s += 20
    first = log(bed)
    bed.now_s += 600
    second = log(bed)
    assert second[: len(first)] == first
    assert len(second) > len(first) > 0


def test_parts_of_a_log() -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    bed.now_s += 900
    lines = log(bed)
    assert log(bed, tailLines=3) == lines[-3:]
    assert log(bed, tailLines=0) == []
    stamped = log(bed, timestamps="true")
    assert [line.partition(" ")[2] for line in stamped] == lines
    times = [line.partition(" ")[0] for line in stamped]
    assert times == sorted(times)
    assert all(len(time) == len("2027-01-15T08:00:00.000000000Z") for time in times)
    some = log(bed, sinceSeconds=300)
    assert 0 < len(some) < len(lines)
    assert lines[-len(some) :] == some
    assert log(bed, sinceTime="2027-01-15T08:10:01Z") == log(bed, sinceSeconds=300)
    assert bed.ask("GET", f"{PODS}/p/log", limitBytes=10).body == "\n".join(lines).encode()[:10]


def test_only_so_many_lines_are_kept() -> None:
    output = Output("s", "p", "nginx", 0.0)
    assert output.count(86400.0 * 300) > KEPT
    bed = Bed()
    pod(bed)
    running(bed)
    bed.now_s += 86400 * 300
    assert len(log(bed)) == KEPT


def test_a_log_is_followed_until_the_pod_goes() -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    bed.advance(10)
    stream = bed.api.handle(bed.request("GET", f"{PODS}/p/log", follow="true", tailLines=1), bed.now_s)
    assert isinstance(stream, LogStream)
    told: list[int] = []
    stream.on_readable = lambda: told.append(1)
    assert stream.read(1 << 20).decode().splitlines() == log(bed, tailLines=1)
    assert not told
    bed.advance(120)
    assert told
    came = stream.read(1 << 20).decode().splitlines()
    assert came == log(bed)[-len(came) :]
    assert not stream.ended
    bed.call("DELETE", f"{PODS}/p", gracePeriodSeconds=0)
    bed.advance(1)
    stream.read(1 << 20)
    assert stream.ended


def test_a_followed_log_keeps_to_its_limit() -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    stream = bed.api.handle(bed.request("GET", f"{PODS}/p/log", follow="true", limitBytes=400), bed.now_s)
    assert isinstance(stream, LogStream)
    bed.advance(600)
    assert len(stream.read(1 << 20)) == 400
    assert stream.ended


def test_the_run_before_and_the_end_of_a_run() -> None:
    bed = Bed()
    pod(bed)
    past = {"exitCode": 1, "startedAt": "2027-01-15T07:00:00Z", "finishedAt": "2027-01-15T07:30:00Z"}
    running(bed, restartCount=1, lastState={"terminated": past})
    before = log(bed, previous="true", timestamps="true")
    assert before[0] >= "2027-01-15T07:00:00"
    assert before[-1] < "2027-01-15T07:30:01"
    running(bed, state={"terminated": past})
    assert log(bed, timestamps="true")[-1] < "2027-01-15T07:30:01"


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        ("p", {"container": "zz"}, 400, "container zz is not valid for pod p"),
        ("two", {}, 400, "a container name must be specified for pod two, choose one of: [i a b]"),
        ("none", {}, 404, 'pods "none" not found'),
        ("p", {"previous": "true"}, 400, 'previous terminated container "c" in pod "p" not found'),
        ("waits", {}, 400, 'container "c" in pod "waits" is waiting to start: ContainerCreating'),
        (
            "p",
            {"tailLines": "-1"},
            422,
            'PodLogOptions "p" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
        ),
        (
            "p",
            {"limitBytes": "0"},
            422,
            'PodLogOptions "p" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
        ),
        (
            "p",
            {"sinceSeconds": "5", "sinceTime": "2020-01-01T00:00:00Z"},
            422,
            'PodLogOptions "p" is invalid: []: Forbidden: '
            "at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        ("p", {"stream": "Stdout"}, 422, 'PodLogOptions "p" is invalid: stream: Forbidden: may not be specified'),
        ("p", {"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            "p",
            {"sinceTime": "abc"},
            400,
            'parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006"',
        ),
    ],
)
def test_logs_that_cannot_be_had(path: str, query: dict[str, str], code: int, message: str) -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    pod(bed, "two", "a", "b", initContainers=[{"name": "i", "image": "x"}])
    pod(bed, "waits")
    one = {"name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    set_status(bed, "waits", containerStatuses=[{**one, "state": {"waiting": {"reason": "ContainerCreating"}}}])
    assert bed.call("GET", f"{PODS}/{path}/log", expect=code, **query)["message"] == message


@pytest.mark.parametrize(("accept", "code"), [("application/json, */*", 200), ("", 200), ("text/plain", 406)])
def test_what_a_log_is_asked_for_as(accept: str, code: int) -> None:
    bed = Bed()
    pod(bed)
    running(bed)
    assert bed.ask("GET", f"{PODS}/p/log", accept=accept).status == code


def test_a_pod_without_a_node_has_no_log() -> None:
    bed = nodeless()
    pod(bed, node="")
    answer = bed.ask("GET", f"{PODS}/p/log")
    assert (answer.status, answer.body) == (204, b"")


# -- into containers -------------------------------------------------------------------------------------------------

SPDY = {"connection": "Upgrade", "upgrade": "SPDY/3.1"}
WEBSOCKET = {"connection": "keep-alive, Upgrade", "upgrade": "websocket"}


@pytest.mark.parametrize("what", ["exec", "attach", "portforward"])
@pytest.mark.parametrize("upgrade", [SPDY, WEBSOCKET])
def test_nobody_gets_into_a_container(what: str, upgrade: dict[str, str]) -> None:
    bed = Bed()
    pod(bed)
    for method in ("GET", "POST"):
        refused = bed.call(method, f"{PODS}/p/{what}", b"", headers=upgrade, expect=500, command="ls")
        message = "error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused"
        expected = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
        assert refused == {**expected, "code": 500}
        assert bed.call(method, f"{PODS}/p/{what}", b"", expect=400)["message"] == "Upgrade request required"
    homeless = nodeless()
    pod(homeless, node="")
    refused = homeless.call("GET", f"{PODS}/p/{what}", expect=400)
    assert refused["message"] == "pod p does not have a host assigned"
    assert bed.call("PUT", f"{PODS}/p/{what}", {}, expect=405)["reason"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/api/v1/nodes/node-1/proxy/stats", 503, "dial tcp 10.0.0.1:10250"),
        ("/api/v1/nodes/node-1:10255/proxy/metrics", 503, "dial tcp 10.0.0.1:10255"),
        ("/api/v1/nodes/nope/proxy", 404, 'nodes "nope" not found'),
        (f"{PODS}/p/proxy", 503, "dial tcp 10.42.0.9:80"),
        (f"{PODS}/p:8098/proxy/x/y", 503, "dial tcp 10.42.0.9:8098"),
        (f"{PODS}/https:p:8098/proxy/x", 503, "dial tcp 10.42.0.9:8098"),
        (f"{PODS}/p:99999/proxy", 503, "error trying to reach service: dial tcp: address 99999: invalid port"),
        (f"{PODS}/ftp:p:1/proxy/", 400, 'invalid pod request "ftp:p:1"'),
        (f"{DEFAULT}/services/none/proxy/", 404, 'services "none" not found'),
        (f"{DEFAULT}/services/s:99/proxy/", 503, 'no service port 99 found for service "s"'),
        (f"{DEFAULT}/services/s/proxy", 503, "dial tcp 10.42.0.9:8080"),
        (f"{DEFAULT}/services/s:80/proxy/a", 503, "dial tcp 10.42.0.9:8080"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_listens_behind_a_proxy(path: str, code: int, message: str, method: str) -> None:
    bed = Bed()
    pod(bed)
    set_status(bed, podIP="10.42.0.9", podIPs=[{"ip": "10.42.0.9"}])
    bed.post(f"{DEFAULT}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "targetPort": 8080}]}})
    subset = {"addresses": [{"ip": "10.42.0.9"}], "ports": [{"port": 8080}]}
    bed.ask("DELETE", f"{DEFAULT}/endpoints/s")
    bed.post(f"{DEFAULT}/endpoints", {"metadata": {"name": "s"}, "subsets": [subset]})
    said = bed.call(method, path, b"" if method == "POST" else None, expect=code)["message"]
    if message.startswith("dial"):
        message = f"error trying to reach service: {message}: connect: connection refused"
    assert said == message


# -- evictions -------------------------------------------------------------------------------------------------------


def evict(bed: Bed, name: str = "p", expect: int = 201, options: dict[str, Any] | None = None, **query: Any) -> Any:
    body: dict[str, Any] = {"metadata": {"name": name}}
    if options is not None:
        body["deleteOptions"] = options
    return bed.post(f"{PODS}/{name}/eviction", body, expect=expect, **query)


def gone(bed: Bed, name: str = "p") -> bool:
    answer = bed.ask("GET", f"{PODS}/{name}")
    return answer.status == 404 or "deletionTimestamp" in orjson.loads(answer.body)["metadata"]


def budget(bed: Bed, name: str = "b", minimum: int = 1) -> None:
    selector = {"matchLabels": {"app": "p"}}
    bed.post(BUDGETS, {"metadata": {"name": name}, "spec": {"minAvailable": minimum, "selector": selector}})
    bed.advance(1)


def healthy(bed: Bed) -> None:
    """A pod that its budget counts."""
    pod(bed)
    set_status(bed, phase="Running", conditions=[{"type": "Ready", "status": "True"}])


def test_an_eviction_says_why_and_deletes() -> None:
    bed = Bed()
    healthy(bed)
    watch = bed.watch(PODS, watch="true")
    events(watch)
    status = evict(bed)
    assert (status["status"], status["code"]) == ("Success", 201)
    first = events(watch)[0]["object"]["status"]["conditions"][-1]
    assert (first["type"], first["reason"]) == ("DisruptionTarget", "EvictionByEvictionAPI")
    assert gone(bed)
    evict(bed, "none", expect=404)


def test_a_dry_eviction_leaves_no_trace() -> None:
    bed = Bed()
    healthy(bed)
    budget(bed, minimum=0)
    before = bed.get(f"{PODS}/p")
    evict(bed, dryRun="All")
    evict(bed, options={"dryRun": ["All"]})
    assert bed.get(f"{PODS}/p") == before
    assert bed.get(f"{BUDGETS}/b")["status"]["disruptionsAllowed"] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name in URL does not match name in Eviction object"),
        (
            {"metadata": {"name": "p", "namespace": "zz"}},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}},
            'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): '
            "unknown conversion",
        ),
    ],
)
def test_wrong_evictions(body: dict[str, Any], message: str) -> None:
    bed = Bed()
    pod(bed)
    assert bed.post(f"{PODS}/p/eviction", body, expect=400)["message"] == message


def test_a_budget_without_room_refuses() -> None:
    bed = Bed()
    healthy(bed)
    budget(bed)
    refused = evict(bed, expect=429)
    assert refused["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert refused["reason"] == "TooManyRequests"
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
    }
    assert refused["details"] == {"causes": [cause]}
    assert not gone(bed)
    budget(bed, "c")
    refused = evict(bed, expect=500)
    assert refused["message"] == (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )


def test_a_budget_with_room_is_spent() -> None:
    bed = Bed()
    healthy(bed)
    budget(bed, minimum=0)
    assert bed.get(f"{BUDGETS}/b")["status"]["disruptionsAllowed"] == 1
    watch = bed.watch(BUDGETS, watch="true")
    events(watch)
    evict(bed)
    assert gone(bed)
    spent = events(watch)[0]["object"]["status"]
    assert spent["disruptionsAllowed"] == 0
    assert list(spent["disruptedPods"]) == ["p"]


def test_what_is_over_or_unready_disturbs_nobody() -> None:
    for status in ({"phase": "Pending"}, {"phase": "Succeeded"}):
        bed = Bed()
        pod(bed)
        budget(bed, minimum=5)
        set_status(bed, **status)
        evict(bed)
        assert gone(bed)
    bed = Bed()
    pod(bed)
    budget(bed, minimum=5)
    set_status(bed, phase="Running", conditions=[{"type": "Ready", "status": "False"}])
    evict(bed, expect=429)
    bed.call("PATCH", f"{BUDGETS}/b", {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}, media=MERGE)
    evict(bed)
    assert gone(bed)


def test_an_eviction_may_insist() -> None:
    bed = Bed()
    healthy(bed)
    refused = evict(bed, expect=409, options={"preconditions": {"uid": "other"}})
    assert refused["message"].startswith(
        'Operation cannot be fulfilled on Pod "p": the UID in the precondition (other)'
    )
    assert not gone(bed)
    evict(bed, options={"preconditions": {"uid": bed.get(f"{PODS}/p")["metadata"]["uid"]}})
    assert gone(bed)


# -- binding ---------------------------------------------------------------------------------------------------------


def test_a_binding_gives_a_pod_its_node() -> None:
    bed = nodeless()
    pod(bed, node="")
    meta = {"name": "p", "annotations": {"x": "y"}}
    bed.post(f"{PODS}/p/binding", {"metadata": meta, "target": {"kind": "Node", "name": "elsewhere"}})
    bound = bed.get(f"{PODS}/p")
    assert bound["spec"]["nodeName"] == "elsewhere"
    assert bound["metadata"]["annotations"] == {"x": "y"}
    (scheduled,) = [one for one in bound["status"]["conditions"] if one["type"] == "PodScheduled"]
    assert scheduled["status"] == "True"
    refused = bed.post(f"{PODS}/p/binding", {"metadata": meta, "target": {"name": "x"}}, expect=409)
    assert refused["message"] == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "elsewhere"'
    )


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        (
            "pods/p/binding",
            {"target": {"name": "n"}},
            400,
            "name in URL does not match name in Binding object",
        ),
        (
            "pods/p/binding",
            {"metadata": {"name": "p"}, "target": {"kind": "Pod", "name": "n"}},
            500,
            'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
        ),
        ("pods/p/binding", {"metadata": {"name": "p"}}, 500, "target.name: Required value"),
        ("pods/none/binding", {"metadata": {"name": "none"}, "target": {"name": "n"}}, 404, 'pods "none" not found'),
        ("bindings", {"target": {"name": "n"}}, 400, "Name parameter required."),
        ("bindings", {"metadata": {"name": "none"}, "target": {"name": "n"}}, 404, 'pods "none" not found'),
    ],
)
def test_wrong_bindings(path: str, body: dict[str, Any], code: int, message: str) -> None:
    bed = nodeless()
    pod(bed, node="")
    assert bed.post(f"{DEFAULT}/{path}", body, expect=code)["message"] == message


def test_bindings_and_a_dry_run() -> None:
    bed = nodeless()
    pod(bed, node="")
    body = {"metadata": {"name": "p"}, "target": {"name": "n"}}
    bed.post(f"{DEFAULT}/bindings", body, dryRun="All")
    assert "nodeName" not in bed.get(f"{PODS}/p")["spec"]
    bed.post(f"{DEFAULT}/bindings", body)
    assert bed.get(f"{PODS}/p")["spec"]["nodeName"] == "n"


@pytest.mark.parametrize(
    ("path", "body", "unknown"),
    [
        ("pods/p/eviction", {"metadata": {"name": "p"}, "nonsense": 1}, "nonsense"),
        ("pods/p/binding", {"metadata": {"name": "p"}, "target": {"name": "x", "y": 1}}, "target.y"),
        ("serviceaccounts/default/token", {"spec": {"nonsense": 1}}, "spec.nonsense"),
    ],
)
def test_unknown_fields_are_warned_of_or_refused(path: str, body: dict[str, Any], unknown: str) -> None:
    bed = nodeless()
    pod(bed, node="")
    answer = bed.ask("POST", f"{DEFAULT}/{path}", body, dryRun="All")
    assert answer.status == 201
    assert ("Warning", f'299 - "unknown field \\"{unknown}\\""') in answer.headers
    refused = bed.post(f"{DEFAULT}/{path}", body, expect=400, fieldValidation="Strict")
    assert refused["message"].endswith(f'strict decoding error: unknown field "{unknown}"')


def test_evictions_of_the_version_before_are_taken() -> None:
    bed = Bed()
    pod(bed)
    bed.post(f"{PODS}/p/eviction", {"kind": "Eviction", "apiVersion": "policy/v1beta1", "metadata": {"name": "p"}})
    assert gone(bed)


# -- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"metadata": {"name": "zz"}},
            400,
            "the name of the object (zz) does not match the name on the URL (default)",
        ),
        (
            {"metadata": {"name": "default"}, "spec": {"finalizers": ["bad"]}},
            422,
            'Namespace "default" is invalid: spec.finalizers[0]: Invalid value: "bad": '
            "name is neither a standard finalizer name nor is it fully qualified",
        ),
        (
            {"metadata": {"name": "default", "resourceVersion": "1"}, "spec": {"finalizers": ["kubernetes"]}},
            409,
            'Operation cannot be fulfilled on namespaces "default": the object has been modified; '
            "please apply your changes to the latest version and try again",
        ),
    ],
)
def test_wrong_finalizers(body: dict[str, Any], code: int, message: str) -> None:
    bed = Bed()
    bed.call("PATCH", DEFAULT, {"metadata": {"labels": {"a": "b"}}}, media=MERGE)
    assert bed.call("PUT", f"{DEFAULT}/finalize", body, expect=code)["message"] == message


def test_finalize_sets_finalizers_only() -> None:
    bed = Bed()
    wanted = {
        "metadata": {"name": "default"},
        "spec": {"finalizers": ["kubernetes", "a.b/c"]},
        "status": {"phase": "x"},
    }
    made = bed.call("PUT", f"{DEFAULT}/finalize", wanted)
    assert made["spec"]["finalizers"] == ["kubernetes", "a.b/c"]
    assert made["status"] == {"phase": "Active"}
    assert "finalize" in [one.get("subresource") for one in made["metadata"]["managedFields"]]


def test_components_are_told_and_not_watched() -> None:
    bed = Bed()
    path = "/api/v1/componentstatuses"
    assert [one["metadata"]["name"] for one in bed.get(path)["items"]] == ["scheduler", "controller-manager", "etcd-0"]
    assert bed.get(f"{path}/etcd-0")["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
    assert bed.call("GET", f"{path}/none", expect=404)["message"] == 'componentstatus "none" not found'
    assert bed.get(path, labelSelector="a=b")["items"] == []
    refused = bed.call("GET", path, expect=405, watch="true")
    assert refused["message"] == 'watch is not supported on resources of kind "componentstatuses"'


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", f"{PODS}/p/status", 405),
        ("DELETE", f"{PODS}/p/status", 405),
        ("GET", f"{PODS}/p/nonsense", 404),
        ("GET", f"{PODS}/p/eviction", 405),
        ("GET", f"{PODS}/p/binding", 405),
        ("PATCH", f"{DEFAULT}/finalize", 405),
        ("GET", f"{DEFAULT}/serviceaccounts/default/token", 405),
        ("GET", f"{DEFAULT}/bindings", 405),
        ("GET", f"{DEFAULT}/bindings/x", 404),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews/x", 404),
        ("POST", "/apis/authorization.k8s.io/v1/localsubjectaccessreviews", 404),
    ],
)
def test_methods_that_are_not_there(method: str, path: str, code: int) -> None:
    bed = Bed()
    pod(bed)
    media: Any = {"media": MERGE} if method == "PATCH" else {}
    assert bed.ask(method, path, {} if method in ("POST", "PATCH") else None, **media).status == code
