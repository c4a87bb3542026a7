"""Profiles: what is read, and how each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from scale_agent.cluster.profile import Profile, load, loads
from scale_agent.errors import ProfileError

PROFILES = Path(__file__).parents[2] / "profiles"
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, "
WORKLOAD = "{kind: Deployment, namespace: a, name: b, image: c, "
HEAD = "name: x\nversion: v1.36.2\n"


def test_small_is_the_recorded_cluster() -> None:
    profile = load(PROFILES / "small.yaml")
    assert (profile.version, profile.address, profile.replicas) == ("v1.36.2", "10.43.0.1:443", 1)
    node, lease = profile.objects()
    assert (lease["kind"], lease["metadata"]["name"]) == ("Lease", node["metadata"]["name"])
    assert lease["spec"]["renewTime"] == "2026-01-01T08:00:00.000000Z"
    assert node["metadata"]["labels"] == {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "node-1",
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/control-plane": "true",
        "node-role.kubernetes.io/etcd": "true",
        "node-role.kubernetes.io/worker": "true",
    }
    assert node["status"]["capacity"] == {"cpu": "4", "ephemeral-storage": "100Gi", "memory": "8Gi", "pods": "110"}
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert node["spec"] == {"podCIDR": "10.42.0.0/24", "podCIDRs": ["10.42.0.0/24"]}


def test_what_small_writes_are_the_defaults() -> None:
    small, bare = load(PROFILES / "small.yaml"), loads(HEAD)
    for field in ("address", "own_authority", "replicas", "timings", "metrics_server", "rbac"):
        assert getattr(small, field) == getattr(bare, field)


def test_a_metrics_server_is_furnished_when_the_profile_says_so() -> None:
    names = {(obj["kind"], obj["metadata"]["name"]) for obj in loads(HEAD + "metrics_server: true\n").objects()}
    wanted = {("APIService", "v1beta1.metrics.k8s.io"), ("Service", "metrics-server"), ("Deployment", "metrics-server")}
    assert wanted <= names
    assert not wanted & {(obj["kind"], obj["metadata"]["name"]) for obj in loads(HEAD).objects()}


def test_roles_decide_when_the_profile_says_so() -> None:
    assert loads(HEAD + "rbac: true\n").rbac is True
    with pytest.raises(ProfileError, match="neither true nor false"):
        loads(HEAD + "rbac: often\n")


def test_controllers_are_switched_off_by_name() -> None:
    assert loads(HEAD).without == frozenset()
    assert loads(HEAD + "controllers: {kubelet: false, events: true, cronjob: false}\n").without == {
        "kubelet",
        "cronjob",
    }
    with pytest.raises(ProfileError, match="kubelets"):
        loads(HEAD + "controllers: {kubelets: false}\n")


def test_medium_holds_workloads_with_their_pods() -> None:
    profile = load(PROFILES / "medium.yaml")
    objects = profile.objects()
    kinds = {kind: sum(obj["kind"] == kind for obj in objects) for kind in {obj["kind"] for obj in objects}}
    assert kinds["Node"] == 3
    assert kinds["Deployment"] == kinds["ReplicaSet"] == 10
    assert kinds["Pod"] == 10 * 3 + 3 + 3
    names = [(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects]
    assert len(names) == len(set(names))
    nodes = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Node"}
    assert {obj["spec"]["nodeName"] for obj in objects if obj["kind"] == "Pod"} <= nodes
    assert profile.objects() == load(PROFILES / "medium.yaml").objects()


def test_owners_exist_and_come_first() -> None:
    seen: set[tuple[str, str, str]] = set()
    for obj in load(PROFILES / "medium.yaml").objects():
        metadata = obj["metadata"]
        for owner in metadata.get("ownerReferences", ()):
            namespace = "" if owner["kind"] == "Node" else metadata["namespace"]
            assert (owner["kind"], namespace, owner["name"]) in seen
        seen.add((obj["kind"], metadata.get("namespace", ""), metadata["name"]))


def test_selectors_match_the_pods() -> None:
    objects = load(PROFILES / "medium.yaml").objects()
    for owner in (obj for obj in objects if "selector" in obj.get("spec", {})):
        selected = owner["spec"]["selector"]["matchLabels"].items()
        pods = [
            obj
            for obj in objects
            if obj["kind"] == "Pod"
            and obj["metadata"]["namespace"] == owner["metadata"]["namespace"]
            and selected <= obj["metadata"]["labels"].items()
        ]
        assert len(pods) == 3
        assert selected <= owner["spec"]["template"]["metadata"]["labels"].items()


def test_objects_are_fresh_every_time() -> None:
    profile = load(PROFILES / "medium.yaml")
    for obj in profile.objects():
        obj["metadata"].clear()
    assert all(obj["metadata"] for obj in profile.objects())


@pytest.mark.parametrize(
    ("body", "line", "path", "says"),
    [
        ("nodse: []", 3, "nodse", "unknown field 'nodse': use one of agent, api"),
        ("agent: {replicas: 3}", 3, "agent.replicas", "3 cannot be used here: write a whole number from 1 to 2"),
        ("agent: {replicas: true}", 3, "agent.replicas", "True"),
        ("agent:\n  overlap_s: soon", 4, "agent.overlap_s", "'soon' cannot be used here"),
        ("agent:\n  overlap_s: -1", 4, "agent.overlap_s", "-1"),
        ("agent: {second_tunnel_s: [20, 5]}", 3, "agent.second_tunnel_s", "write the least and the most"),
        ("agent: {second_tunnel_s: 5}", 3, "agent.second_tunnel_s", "a single value where a list is expected"),
        ("agent:", 3, "agent", "nothing where a mapping is expected"),
        ("nodes: {}", 3, "nodes", "a mapping where a list is expected"),
        ("nodes:\n  - roles: [worker]", 4, "nodes[0]", "field 'name' is missing: add name"),
        ("nodes:\n  - name: a\n  - name: b\n    roles: [king]", 6, "nodes[1].roles[0]", "use one of control-plane"),
        ("nodes:\n  - name: a\n    count: 2", 4, "nodes[0].name", "number them: a-{n}"),
        ("nodes:\n  - name: a\n    capacity: {cpu: 4}", 5, "nodes[0].capacity", 'put it in quotes: cpu: "4"'),
        ("nodes:\n  - name: Upper", 4, "nodes[0].name", "small letters"),
        ("nodes:\n  - name: a\n    name: b", 5, "nodes[0].name", "field 'name' twice"),
        ("workloads:\n  - {kind: Pod, namespace: a, name: b, image: c}", 4, "workloads[0].kind", "use one of Depl"),
        ("workloads:\n  - {kind: Deployment, namespace: a, name: b, image: ''}", 4, "workloads[0].image", "image"),
        ("objects:\n  - {kind: ConfigMap}", 4, "objects[0]", "needs apiVersion, kind and metadata.name"),
        ("objects:\n  - {apiVersion: a/v1, kind: B, metadata: {name: c}}", 4, "objects[0]", "for a/v1 B: use a kind"),
        (f"objects: [{CONFIG}data: 7}}]", 3, "objects[0]", "correct the value"),
        (f"objects: [{CONFIG}data: {{1: x}}}}]", 3, "objects[0]", "JSON"),
        (f"objects: [{CONFIG}data: {{x: !!binary aGk=}}}}]", 3, "objects[0]", "JSON"),
        (f"objects: [{CONFIG}dota: {{}}}}]", 3, "objects[0]", "unknown field"),
        (f"objects: [{CONFIG.replace('default', 'other')}}}]", 3, "objects[0]", "namespace 'other' is none"),
        ("objects:\n  - 7", 4, "objects[0]", "no object"),
        ("api: {address: 10.43.0.1}", 3, "api.address", "write host:port"),
        ("api: {address: '10.43.0.1:70000'}", 3, "api.address", "the port is out of range"),
        ("api: {authority: mine}", 3, "api.authority", "use one of run, cluster"),
        ("nodes:\n  - name: !own a", 4, "nodes[0].name", "without tags"),
        ("nodes:\n  - name: =", 4, "nodes[0].name", "no plain value"),
        ("agent: {replicas: !!int two}", 3, "agent.replicas", "no plain value"),
        (f"agent: {{replicas: {'9' * 5000}}}", 3, "agent.replicas", "no plain value"),
        ("nodes:\n  - name: a\n    labels: {[a, b]: c}", 5, "nodes[0].labels", "unhashable key"),
        (r'nodes: [{name: a, labels: {a: "\ud800"}}]', 3, "nodes[0].labels", "surrogate"),
        (f"objects:\n  - &o {CONFIG}data: *o}}", 4, "objects[0]", "recursive"),
        ("nodes:\n  - name: a\n    capacity: {cpu: lots}", 5, "nodes[0].capacity", "cpu: 'lots' is no quantity"),
        (f"workloads: [{WORKLOAD}requests: {{memory: 1GB}}}}]", 3, "workloads[0].requests", "'1GB' is no quantity"),
    ],
)
def test_a_mistake_is_told_with_file_line_path_and_cure(body: str, line: int, path: str, says: str) -> None:
    with pytest.raises(ProfileError) as caught:
        loads(HEAD + body, "p.yaml")
    assert caught.value.where == f"p.yaml:{line} {path}"
    assert says in f"{caught.value.what}: {caught.value.cure}"
    assert caught.value.cure
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("name: x", "field 'version' is missing"),
        ("name: x\nversion: 1.36", "write a version such as v1.36.2"),
        ("name: x\nversion: v1.99.0", "the API of Kubernetes v1.99.0 is not in this package"),
        ("name: x\nversion: v1.99.0+k3s1", "use a version of v1.36"),
        (HEAD + "nodes: [{name: a}, {name: a}]", "Node a twice"),
        (HEAD + "namespaces: [{name: a}, {name: a}]", "Namespace a twice"),
        ("name: [", "not YAML"),
        ("- a\n- b", "a list where a mapping is expected"),
        ("a: b\n---\nc: d", "not YAML"),
        ("name: \x07", "not YAML"),
        ("name: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
)
def test_broken_documents(text: str, says: str) -> None:
    with pytest.raises(ProfileError, match=says) as caught:
        loads(text, "p.yaml")
    assert caught.value.where.startswith("p.yaml")


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, says in (("none.yaml", "No such file"), ("binary.yaml", "not text in UTF-8"), (".", "Is a directory")):
        with pytest.raises(ProfileError, match=says):
            load(tmp_path / name)


def test_dates_in_objects_stay_text() -> None:
    profile = loads(
        HEAD
        + "objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {d: 2026-01-01}}]"
    )
    assert profile.contents.extra[0]["data"] == {"d": "2026-01-01"}


def test_equal_content_has_equal_digest() -> None:
    assert loads(HEAD).digest == loads(HEAD).digest != loads(HEAD + "nodes: []").digest
    assert isinstance(loads(HEAD), Profile)
