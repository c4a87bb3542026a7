"""A whole cluster over in-memory websockets: the recorded imports of three Rancher versions, deletion, retries."""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from scale_agent.cluster.deployment import PATH
from scale_agent.cluster.profile import Profile, loads
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.cluster.simulated import SimulatedCluster
from scale_agent.errors import DialError, InputError
from scale_agent.kube.errors import StatusError
from scale_agent.tunnel.tls import client_context
from tests.cluster.fakes import FakeObserver, FakeRancher, RancherEnd, Reply, run
from tests.cluster.recordings import VERSIONS, deployment_written, recorded

CACERTS = "-----BEGIN CERTIFICATE-----\nbm8gcmVhbCBvbmU=\n-----END CERTIFICATE-----"
CHECKSUM = hashlib.sha256(f"{CACERTS}\n".encode()).hexdigest()
PROFILE = """
name: test
version: v1.36.2
agent: {first_start_s: 0.3, next_start_s: 0.6, second_tunnel_s: [8, 8], overlap_s: 2, cleanup_s: 60}
nodes: [{name: node-1, roles: [control-plane, etcd, worker]}]
"""
TWO = PROFILE.replace("agent: {", "agent: {replicas: 2, ")


def _with_checksum(value: Any, checksum: str = CHECKSUM) -> Any:
    """A recorded manifest or Deployment with our authorities' checksum."""
    text = value if isinstance(value, str) else json.dumps(value)
    parts = text.split("CATTLE_CA_CHECKSUM")
    for number, part in enumerate(parts[1:], start=1):
        for word in part.replace('"', " ").replace("\\", " ").split():
            if len(word) == 64:
                parts[number] = part.replace(word, checksum)
                break
    text = "CATTLE_CA_CHECKSUM".join(parts)
    return text if isinstance(value, str) else json.loads(text)


class Stage:
    """One cluster, its fake Rancher, and time."""

    def __init__(self, version: str = "2.15.0", profile: str = PROFILE, seed: str = "run/1") -> None:
        self.version = version
        self.runtime = ManualRuntime(seed="run")
        self.profile: Profile = loads(profile)
        authority = self.runtime.authority("run", self.profile.host)
        self.rancher = FakeRancher(client_context(authority.ca_pem), CACERTS)
        self.observer = FakeObserver()
        self.cluster = SimulatedCluster(
            name="sim-1",
            seed=seed,
            profile=self.profile,
            connector=self.rancher,
            observer=self.observer,
            runtime=self.runtime,
        )

    def run(self, seconds: float = 0.0) -> None:
        """Settle, and let time pass."""
        run(self.runtime, seconds)

    def import_it(self) -> None:
        """The first agent is connected."""
        self.cluster.apply_manifest(_with_checksum(recorded(self.version)["manifest"]))
        self.run(1.0)

    def reapply(self) -> None:
        """As Rancher's kubectl: the secret of the system token, and the Deployment with features."""
        deployment = _with_checksum(deployment_written(self.version, "apply"))
        name = deployment["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
        data = {"url": "https://127.0.0.1:8443", "token": "system-token", "namespace": "c-1"}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        metadata = {"name": name, "namespace": "cattle-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": encoded}
        self.cluster.client.apply(secret)
        self.cluster.client.apply(deployment)

    def annotate(self) -> None:
        """As Rancher's PUT of the annotation in the pod template."""
        deployment = self.cluster.client.get(PATH)
        assert deployment is not None
        annotations = deployment["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["agent.cluster.cattle.io/upgraded-v1.22"] = "true"
        self.cluster.client.update(PATH, deployment)

    def secret(self, name: str) -> dict[str, str]:
        """A secret's data, decoded."""
        found = self.cluster.client.get(f"/api/v1/namespaces/cattle-system/secrets/{name}")
        assert found is not None
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    @property
    def main(self) -> RancherEnd:
        """The oldest open main tunnel: the one Rancher uses."""
        return self.rancher.open("main")[0]

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> Any:
        """A request down the main tunnel, on a connection of its own."""
        bearer = {"Authorization": f"Bearer {self.agent_token}"}
        answer = self.main.ask(self.main.connect(), method, path, body, **bearer)
        self.run()
        return answer

    @property
    def agent_token(self) -> str:
        """What the agent gave Rancher to come with."""
        params = json.loads(base64.b64decode(self.rancher.dialled[0].headers["X-API-Tunnel-Params"]))
        return str(params["cluster"]["token"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.cluster.stop()
    made.run()


def _params(headers: dict[str, str]) -> dict[str, str]:
    decoded = base64.b64decode(headers["X-API-Tunnel-Params"])
    params: dict[str, Any] = json.loads(decoded)
    assert json.dumps(params, separators=(",", ":"), sort_keys=True).encode() == decoded
    assert list(params) == ["cluster"]
    return dict(params["cluster"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_import_opens_the_main_tunnel(version: str) -> None:
    stage = Stage(version)
    stage.import_it()
    paths = [path for path, _ in stage.rancher.gets]
    assert paths == ["/ping", "/v3/settings/cacerts", "/"]
    (dialled,) = stage.rancher.dialled
    assert dialled.path == "/v3/connect/register"
    assert len(dialled.headers["X-API-Tunnel-Token"]) == 54
    cluster = _params(dialled.headers)
    assert sorted(cluster) == ["address", "caCert", "token"]
    assert cluster["address"] == "10.43.0.1:443"
    assert base64.b64decode(cluster["caCert"]) == stage.runtime.authority("run", "10.43.0.1").ca_pem
    assert cluster["token"].count(".") == 2
    assert stage.observer.phases == ["applied", "tunnel"]
    assert stage.observer.requests == [("ping", None), ("cacerts", None), ("root", None)]
    assert stage.observer.handshakes == [("main", None)]
    assert stage.observer.errors == []
    stage.cluster.stop()


def test_rancher_asks_down_the_tunnel(stage: Stage) -> None:
    stage.import_it()
    assert stage.ask("/readyz?timeout=45s").body == b"ok"
    assert stage.ask("/version").json["gitVersion"] == "v1.36.2"
    names = {item["metadata"]["name"] for item in stage.ask("/api/v1/namespaces").json["items"]}
    assert names >= {"default", "kube-system", "kube-public", "kube-node-lease", "cattle-system"}
    assert stage.ask("/apis/k3s.cattle.io/v1").status == 404
    assert "first_request" in stage.observer.phases
    assert ("get", "/readyz", 200) in stage.observer.requests_served


def test_nobody_is_let_into_a_pod(stage: Stage) -> None:
    """As by a real server whose kubelet cannot be reached: no upgrade, an answer."""
    stage.import_it()
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "node-1"}}
    path = "/api/v1/namespaces/default/pods"
    assert stage.ask(path, "POST", json.dumps({"apiVersion": "v1", "kind": "Pod", **pod}).encode()).status == 201
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Authorization": f"Bearer {stage.agent_token}"}
    answer = stage.main.ask(stage.main.connect(), "GET", f"{path}/p/exec?command=ls", b"", **upgrade)
    stage.run()
    assert answer.status == 500
    assert "error dialing backend" in answer.json["message"]


def test_what_the_agent_wrote_is_there(stage: Stage) -> None:
    stage.import_it()
    client = stage.cluster.client
    account = client.get("/api/v1/namespaces/cattle-system/serviceaccounts/cattle")
    assert account is not None
    reference = account["metadata"]["annotations"]["rancher.io/service-account.secret-ref"]
    namespace, _, name = reference.partition("/")
    assert namespace == "cattle-system"
    assert name.startswith("cattle-token-")
    params = _params(stage.rancher.dialled[0].headers)
    assert stage.secret(name)["token"] == params["token"]
    token = stage.rancher.dialled[0].headers["X-API-Tunnel-Token"]
    stv = stage.secret("stv-aggregation")
    assert stv == {
        "CATTLE_CACERTS_VALID": "true",
        "CATTLE_CA_CHECKSUM": CHECKSUM,
        "CATTLE_SERVER": "https://127.0.0.1:8443",
        "CATTLE_TOKEN": token,
        "ca.crt": CACERTS,
        "token": f"stv-cluster-{token}",
        "url": "https://127.0.0.1:8443/v3/connect",
    }
    secret = client.get("/api/v1/namespaces/cattle-system/secrets/stv-aggregation")
    assert secret is not None
    applied = secret["metadata"]["annotations"]["objectset.rio.cattle.io/applied"]
    remembered = json.loads(gzip.decompress(base64.b64decode(applied + "===")))
    assert set(remembered) == {"data", "metadata"}
    assert max(map(len, remembered["data"].values())) == 64
    assert remembered["metadata"]["labels"] == secret["metadata"]["labels"]


def test_objects_carry_what_kubectl_remembers(stage: Stage) -> None:
    stage.import_it()
    deployment = stage.cluster.client.get(PATH)
    assert deployment is not None
    assert "kubectl.kubernetes.io/last-applied-configuration" in deployment["metadata"]["annotations"]


def test_three_generations_as_2_15_makes_them(stage: Stage) -> None:
    stage.import_it()
    stage.reapply()
    stage.run(0.9)
    assert len(stage.rancher.open("main")) == 2
    stage.run(2.5)
    (second,) = stage.rancher.open("main")
    assert second is stage.rancher.dialled[1].end
    assert stage.rancher.dialled[1].path == "/v3/connect/register"
    assert stage.rancher.dialled[1].headers["X-API-Tunnel-Token"] == "system-token"
    stage.annotate()
    stage.run(0.9)
    assert len(stage.rancher.open("main")) == 2
    stage.run(2.5)
    assert [one.tunnel for one in stage.rancher.dialled] == ["main"] * 3
    stage.run(6.0)
    (stv,) = stage.rancher.open("stv")
    last = stage.rancher.dialled[-1]
    assert (last.path, last.headers) == ("/v3/connect", {"Authorization": "Bearer stv-cluster-system-token"})
    assert stage.rancher.gets[-1][0] == "/v3/connect"
    answer = stv.ask(stv.connect("not-used:80"), "GET", "/ping")
    stage.run()
    assert answer.body == b"pong"
    assert stage.observer.phases == ["applied", "tunnel", "second_tunnel"]
    assert stage.observer.losses == []
    params = [_params(one.headers) for one in stage.rancher.dialled if one.tunnel == "main"]
    assert params[0] == params[1] == params[2]


def test_the_embedded_servers_writes(stage: Stage) -> None:
    stage.import_it()
    annotations = {"field.cattle.io/projectId": "c-1:p-x", "management.cattle.io/no-default-sa-token": "true"}
    client = stage.cluster.client
    client.merge("/api/v1/namespaces/kube-public", {"metadata": {"annotations": annotations}})
    stage.reapply()
    stage.run(12)
    assert client.get("/api/v1/namespaces/local") is not None
    lease = client.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/cattle-controllers")
    assert lease is not None
    assert lease["spec"]["leaseDurationSeconds"] == 45
    node = client.get("/api/v1/nodes/node-1")
    assert node is not None
    assert node["metadata"]["annotations"]["management.cattle.io/pod-requests"] == "{}"
    role = client.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/cattle-unauthenticated")
    assert role is not None
    namespace = client.get("/api/v1/namespaces/kube-public")
    assert namespace is not None
    assert namespace["metadata"]["labels"]["field.cattle.io/projectId"] == "p-x"
    client.merge("/api/v1/namespaces/default", {"metadata": {"annotations": {"field.cattle.io/projectId": "c-1:p-y"}}})
    stage.run()
    namespace = client.get("/api/v1/namespaces/default")
    assert namespace is not None
    assert namespace["metadata"]["labels"]["field.cattle.io/projectId"] == "p-y"
    assert stage.observer.errors == []


def test_two_replicas_make_two_of_each_tunnel() -> None:
    stage = Stage(profile=TWO)
    stage.import_it()
    assert stage.cluster.tunnels == {"main": 1}
    stage.reapply()
    stage.run(30)
    assert stage.cluster.tunnels == {"main": 2, "stv": 2}
    deployment = stage.cluster.client.get(PATH)
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 2
    stage.cluster.stop()


def test_lost_tunnels_come_back_by_the_law_with_the_same_words(stage: Stage) -> None:
    stage.import_it()
    stage.reapply()
    stage.run(20)
    (main,), (stv,) = stage.rancher.open("main"), stage.rancher.open("stv")
    before = len(stage.rancher.dialled)
    main.socket.inbox.put(None)
    stv.socket.inbox.put(None)
    stage.run()
    assert sorted(stage.observer.losses) == [("main", "closed"), ("stv", "closed")]
    stage.run(4.9)
    assert len(stage.rancher.dialled) == before
    stage.run(0.2)
    assert [one.tunnel for one in stage.rancher.dialled[before:]] == ["stv"]
    stage.run(4.7)
    assert len(stage.rancher.dialled) == before + 1
    stage.run(0.4)
    again = stage.rancher.dialled[-1]
    assert (again.tunnel, again.path) == ("main", "/v3/connect")
    assert again.headers == stage.rancher.dialled[1].headers
    assert stage.ask("/readyz").body == b"ok"


def test_hostile_frames_cost_the_tunnel_and_it_comes_back(stage: Stage) -> None:
    stage.import_it()
    stage.main.frame(b"\xff" * 100)
    stage.run()
    assert stage.observer.losses == [("main", "protocol")]
    assert [reason for reason, _ in stage.observer.errors] == ["frame"]
    stage.run(10.1)
    assert stage.ask("/readyz").body == b"ok"


def test_a_dead_rancher_is_tried_for_ever_every_ten_seconds(stage: Stage) -> None:
    stage.import_it()
    stage.rancher.refuse = lambda path, headers: DialError("refused", "connection refused")
    stage.main.socket.inbox.put(None)
    stage.run(1000.5)
    assert len(stage.rancher.tries) == 1 + 100
    assert stage.observer.handshakes[-1] == ("main", "refused")
    stage.rancher.refuse = lambda path, headers: None
    stage.run(10)
    assert stage.ask("/readyz").body == b"ok"
    assert not stage.cluster.ended


def test_forgotten_by_rancher_ends_the_waiting_but_not_the_retries(stage: Stage) -> None:
    stage.import_it()
    stage.rancher.refuse = lambda path, headers: DialError("status", "cluster not found", status=400)
    stage.main.socket.inbox.put(None)
    assert not stage.cluster.wait_ended(0)
    stage.run(10.1)
    assert stage.cluster.wait_ended(0)
    tries = len(stage.rancher.tries)
    stage.run(50)
    assert len(stage.rancher.tries) == tries + 5
    stage.rancher.refuse = lambda path, headers: None  # a Rancher that had only just started
    stage.run(10)
    assert not stage.cluster.ended
    assert not stage.cluster.wait_ended(0)
    stage.rancher.refuse = lambda path, headers: DialError("status", "cluster not found", status=400)
    stage.main.socket.inbox.put(None)
    stage.run(10.1)
    assert stage.cluster.wait_ended(0)
    assert stage.observer.handshakes[-1] == ("main", "status 400 cluster not found")


def test_cleanup_job_removes_the_agent_after_its_sleep(stage: Stage) -> None:
    stage.import_it()
    stage.reapply()
    stage.run(20)
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "cattle-cleanup-", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"name": "cleanup-agent", "image": "x"}],
                                       "restartPolicy": "OnFailure"}}},
    }  # fmt: skip
    answer = stage.ask("/apis/batch/v1/namespaces/default/jobs", "POST", json.dumps(job).encode())
    assert answer.status == 201
    stage.run(59)
    assert stage.cluster.tunnels == {"main": 1, "stv": 1}
    assert not stage.cluster.ended
    stage.run(2)
    assert stage.cluster.tunnels == {}
    assert stage.cluster.wait_ended(0)
    stage.run(100)
    tries = len(stage.rancher.tries)
    stage.run(100)
    assert len(stage.rancher.tries) == tries
    assert stage.observer.losses == []
    names = {item["metadata"]["name"] for item in stage.cluster.client.list("/api/v1/namespaces")}
    assert not [name for name in names if name.startswith("cattle-")]


def test_a_wrong_checksum_is_a_crash_loop_until_it_is_right(stage: Stage) -> None:
    stage.rancher.replies["/v3/settings/cacerts"] = Reply(200, {}, b'{"value":"other"}')
    stage.import_it()
    stage.run(15)
    assert stage.rancher.dialled == []
    assert {reason for reason, _ in stage.observer.errors} == {"checksum"}
    body = json.dumps({"value": CACERTS + "\n"}).encode()
    stage.rancher.replies["/v3/settings/cacerts"] = Reply(200, {}, body)
    stage.run(41)
    assert len(stage.rancher.open("main")) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"value":7}', b"<html>"])
def test_cacerts_that_are_none_do_not_match(stage: Stage, body: bytes) -> None:
    stage.rancher.replies["/v3/settings/cacerts"] = Reply(200, {}, body)
    stage.import_it()
    assert "checksum" in {reason for reason, _ in stage.observer.errors}


def test_a_server_that_does_not_answer_is_retried(stage: Stage) -> None:
    stage.rancher.replies["/ping"] = DialError("refused", "connection refused")
    stage.import_it()
    stage.run(8)
    assert stage.observer.requests[:2] == [("ping", "refused")] * 2
    stage.rancher.replies["/ping"] = Reply(200, {}, b"pong")
    stage.run(3)
    assert len(stage.rancher.open("main")) == 1


def test_credentials_for_another_server_are_told(stage: Stage) -> None:
    stage.rancher.server_url = "https://other"
    stage.import_it()
    assert [reason for reason, _ in stage.observer.errors] == ["server-url"]


def test_no_secret_in_what_observers_hear(stage: Stage) -> None:
    stage.import_it()
    stage.main.frame(b"\xff" * 100)
    stage.rancher.refuse = lambda path, headers: DialError("status", "no such token txv7j7r6trqm7t2", status=400)
    stage.run(30)
    token = stage.rancher.dialled[0].headers["X-API-Tunnel-Token"]
    heard = repr([stage.observer.errors, stage.observer.handshakes, stage.observer.losses, stage.observer.requests])
    assert token not in heard
    assert "txv7" not in heard


def test_a_manifest_without_its_parts_begins_nothing(stage: Stage) -> None:
    with pytest.raises(InputError, match="lacks its Deployment"):
        stage.cluster.apply_manifest(recorded("2.15.0")["manifest"].replace("kind: Deployment", "kind: Other"))
    stage.run(30)
    assert stage.rancher.gets == []
    assert stage.cluster.client.get("/api/v1/namespaces/cattle-system") is None


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("kind: Service\n", "kind: Nonsense\n"),
        ("\n    protocol: TCP", "\n    protocol: 7"),
        ("  name: proxy-clusterrole-kubeapiserver\nrules", "  labels: {}\nrules"),
    ],
)
def test_an_object_the_cluster_refuses_is_named(stage: Stage, part: str, instead: str) -> None:
    text = recorded("2.15.0")["manifest"]
    assert part in text
    with pytest.raises(InputError, match="of the import manifest"):
        stage.cluster.apply_manifest(text.replace(part, instead))


def test_identity_is_the_seeds_not_the_processs() -> None:
    headers = []
    for seed in ("run/1", "run/1", "run/2"):
        stage = Stage(seed=seed)
        stage.import_it()
        headers.append(_params(stage.rancher.dialled[0].headers))
        stage.cluster.stop()
    assert headers[0] == headers[1]
    assert headers[0]["token"] != headers[2]["token"]
    assert headers[0]["caCert"] == headers[2]["caCert"]


def test_own_authority_by_the_profiles_switch() -> None:
    own = PROFILE + "api: {authority: cluster}\n"
    certificates = set()
    for seed in ("run/1", "run/2"):
        stage = Stage(profile=own, seed=seed)
        stage.rancher.context = client_context(stage.runtime.authority(seed, "10.43.0.1").ca_pem)
        stage.import_it()
        certificates.add(_params(stage.rancher.dialled[0].headers)["caCert"])
        assert stage.ask("/readyz").body == b"ok"
        stage.cluster.stop()
    assert len(certificates) == 2


def test_a_cluster_that_rejoins_has_both_tunnels_without_rancher_s_apply(stage: Stage) -> None:
    stage.cluster.apply_manifest(_with_checksum(recorded("2.15.0")["manifest"]), rejoin=True)
    stage.run(10)
    assert stage.cluster.tunnels == {"main": 1, "stv": 1}
    other = Stage()
    other.import_it()
    assert _params(stage.rancher.dialled[0].headers) == _params(other.rancher.dialled[0].headers)
    other.cluster.stop()


def test_stop_is_final_and_idempotent(stage: Stage) -> None:
    stage.import_it()
    stage.reapply()
    stage.run(20)
    stage.cluster.stop()
    stage.cluster.stop()
    stage.run(200)
    assert stage.cluster.tunnels == {}
    assert stage.rancher.open("main") == stage.rancher.open("stv") == []
    assert stage.observer.losses == []
    tries = len(stage.rancher.tries)
    stage.run(200)
    assert len(stage.rancher.tries) == tries
    assert not stage.cluster.wait_ended(None)


def test_clusters_share_a_snapshot_and_nothing_else() -> None:
    first, second = Stage(seed="a"), Stage(seed="b")
    first.import_it()
    assert first.runtime.snapshot(first.profile) is first.runtime.snapshot(loads(PROFILE))
    assert second.cluster.client.get("/api/v1/namespaces/cattle-system") is None
    with pytest.raises(StatusError):
        second.cluster.client.create("/api/v1/namespaces/nowhere/configmaps", {"apiVersion": "v1", "kind": "ConfigMap"})
    copies = [copy.deepcopy(stage.cluster.client.get("/api/v1/namespaces/default")) for stage in (first, second)]
    assert copies[0] is not None
    assert copies[1] is not None
    assert copies[0]["metadata"]["uid"] != copies[1]["metadata"]["uid"]
    first.cluster.stop()
