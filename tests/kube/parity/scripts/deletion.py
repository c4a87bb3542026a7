"""Deletion: propagation, finalizers, grace, preconditions, collections, namespaces."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, config_map, deployment, named, pod_spec, template
from tests.kube.parity.steps import Script, Step, delete, get, merge, post, put, script, wait

CMS = "configmaps"


def options(**parts: Any) -> dict[str, Any]:
    """DeleteOptions."""
    return {"apiVersion": "v1", "kind": "DeleteOptions", **parts}


PLAIN = script(
    "plain",
    post(CMS, config_map("one", {})),
    delete("configmaps/one", options()),
    post(CMS, config_map("one", {})),
    delete("configmaps/one", options(propagationPolicy="Foreground")),
    wait(get("configmaps/one"), "code=404"),
    post(CMS, config_map("one", {})),
    delete("configmaps/one", options(propagationPolicy="Orphan")),
    wait(get("configmaps/one"), "code=404"),
    post(CMS, config_map("one", {})),
    delete("configmaps/one", propagationPolicy="Background", gracePeriodSeconds=0),
    post(CMS, config_map("one", {}), as_="a"),
    delete("configmaps/one", options(preconditions={"uid": "00000000-0000-4000-8000-000000000000"})),
    delete("configmaps/one", options(preconditions={"resourceVersion": "1"})),
    delete("configmaps/one", options(preconditions={"uid": "{{a.uid}}", "resourceVersion": "1"})),
    delete("configmaps/one", options(dryRun=["All"])),
    delete("configmaps/one", options(preconditions={"uid": "{{a.uid}}", "resourceVersion": "{{a.rv}}"})),
    delete("configmaps/one", options(preconditions={"uid": "{{a.uid}}"})),
    post("secrets", named("one")),
    delete("secrets/one"),
    post("services", named("one", spec={"ports": [{"port": 80}]})),
    delete("services/one"),
    post("serviceaccounts", named("one")),
    delete("serviceaccounts/one"),
    post("leases", named("one")),
    delete("leases/one"),
)
FINALIZERS = script(
    "finalizers",
    post(CMS, config_map("one", {"a": "1"}, finalizers=["e.com/a", "e.com/b"])),
    delete("configmaps/one"),
    get("configmaps/one", as_="a"),
    delete("configmaps/one"),
    merge("configmaps/one", {"data": {"a": "2"}}),
    merge("configmaps/one", {"metadata": {"finalizers": ["e.com/a", "e.com/b", "e.com/c"]}}),
    merge("configmaps/one", {"metadata": {"deletionTimestamp": None}}),
    merge("configmaps/one", {"metadata": {"finalizers": ["e.com/a"]}}, as_="b"),
    put("configmaps/one", {"...": "{{b}}", "metadata": {"finalizers": None}}),
    get("configmaps/one"),
    post("deployments", deployment("one") | {"metadata": {"name": "one", "finalizers": ["e.com/a"]}}),
    wait(get("deployments/one"), "status.observedGeneration==1"),
    delete("deployments/one", options(propagationPolicy="Orphan")),
    wait(get("deployments/one"), "metadata.deletionTimestamp"),
    merge("deployments/one", {"metadata": {"finalizers": None}}),
    post(CMS, config_map("two", {}, finalizers=["orphan"])),
    delete("configmaps/two", options(propagationPolicy="Background")),
    wait(get("configmaps/two"), "code=404"),
    post(CMS, config_map("three", {}, finalizers=["foregroundDeletion"])),
    delete("configmaps/three"),
    wait(get("configmaps/three"), "code=404"),
)


def owned(name: str, owner: str, **more: Any) -> Step:
    """A config map that belongs to another."""
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": f"{{{{{owner}.uid}}}}", **more}
    return post(CMS, config_map(name, {}, ownerReferences=[reference]))


OWNERS = script(
    "owners",
    post(CMS, config_map("parent", {}), as_="parent"),
    owned("child", "parent"),
    delete("configmaps/parent", options(propagationPolicy="Background")),
    wait(get("configmaps/child"), "code=404"),
    post(CMS, config_map("parent", {}), as_="parent"),
    owned("child", "parent", blockOwnerDeletion=True),
    delete("configmaps/parent", options(propagationPolicy="Foreground")),
    wait(get("configmaps/parent"), "code=404"),
    get("configmaps/child"),
    post(CMS, config_map("parent", {}), as_="parent"),
    owned("child", "parent"),
    delete("configmaps/parent", options(propagationPolicy="Orphan")),
    wait(get("configmaps/parent"), "code=404"),
    get("configmaps/child"),
    delete("configmaps/child"),
    post(CMS, config_map("parent", {}), as_="parent"),
    post(
        CMS,
        config_map(
            "kept",
            {},
            ownerReferences=[
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": "parent",
                    "uid": "{{parent.uid}}",
                    "blockOwnerDeletion": True,
                }
            ],
            finalizers=["e.com/a"],
        ),
    ),
    delete("configmaps/parent", options(propagationPolicy="Foreground")),
    wait(get("configmaps/kept"), "metadata.deletionTimestamp"),
    get("configmaps/parent"),
    merge("configmaps/kept", {"metadata": {"finalizers": None}}),
    wait(get("configmaps/parent"), "code=404"),
    post(
        CMS,
        config_map(
            "lost",
            {},
            ownerReferences=[
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": "never",
                    "uid": "00000000-0000-4000-8000-00000000dead",
                }
            ],
        ),
    ),
    wait(get("configmaps/lost"), "code=404"),
    post(CMS, config_map("bad", {}, ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "never"}])),
    post(
        CMS,
        config_map(
            "bad",
            {},
            ownerReferences=[
                {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1", "controller": True},
                {"apiVersion": "v1", "kind": "B", "name": "b", "uid": "2", "controller": True},
            ],
        ),
    ),
    post(CMS, config_map("bad", {}, ownerReferences=[{"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "1"}])),
)
WORKLOADS = script(
    "workloads",
    post("deployments", deployment("web", replicas=1)),
    wait(get("pods", labelSelector="app=web"), "items=1"),
    wait(get("replicasets", labelSelector="app=web"), "items.0.status.fullyLabeledReplicas==1"),
    delete("deployments/web", options(propagationPolicy="Orphan")),
    wait(get("deployments/web"), "code=404"),
    get("replicasets", labelSelector="app=web", as_="rs"),
    delete("replicasets/{{rs.items.0.metadata.name}}", options(propagationPolicy="Background")),
    wait(get("pods", labelSelector="app=web"), "items=0"),
    post("replicasets", named("rs", spec={"replicas": 1, "selector": {"matchLabels": APP}, "template": template()})),
    wait(get("replicasets/rs"), "status.fullyLabeledReplicas==1"),
    delete("replicasets/rs", options(propagationPolicy="Foreground")),
    wait(get("replicasets/rs"), "code=404"),
    wait(get("pods", labelSelector="app=web"), "items=0"),
)
PODS = script(
    "pods",
    post("pods", named("one", spec=pod_spec())),
    delete("pods/one"),
    get("pods/one"),
    post("pods", named("two", spec=pod_spec(nodeName="p-nowhere", terminationGracePeriodSeconds=40))),
    delete("pods/two", dryRun="All"),
    delete("pods/two"),
    get("pods/two"),
    delete("pods/two", gracePeriodSeconds=60),
    delete("pods/two", gracePeriodSeconds=10),
    merge("pods/two", {"metadata": {"labels": {"a": "b"}}}),
    delete("pods/two", gracePeriodSeconds=0),
    get("pods/two"),
    post("pods", named("three", spec=pod_spec(nodeName="p-nowhere"))),
    delete("pods/three", options(gracePeriodSeconds=5)),
    delete("pods/three", options(gracePeriodSeconds=0)),
    get("pods/three"),
)
COLLECTIONS = script(
    "collections",
    [
        post(CMS, config_map(f"c{n}", {}, labels={"l": str(n % 2)}, finalizers=["e.com/a"] if n == 3 else []))
        for n in range(5)
    ],
    delete(CMS, labelSelector="l=0", dryRun="All"),
    delete(CMS, labelSelector="l=0"),
    delete(CMS, labelSelector="l=none"),
    delete(CMS, labelSelector="bad=="),
    delete(CMS, fieldSelector="data.x=1"),
    delete(CMS, options(propagationPolicy="Foreground"), labelSelector="l=1"),
    wait(get("configmaps/c1"), "code=404"),
    get("configmaps/c3"),
    merge("configmaps/c3", {"metadata": {"finalizers": None}}),
    wait(get("configmaps/c3"), "code=404"),
    delete(CMS, options(preconditions={"uid": "x"}), labelSelector="l=1"),
    delete("namespaces", labelSelector="none=none"),
    delete("services", labelSelector="none=none"),
    delete("events"),
    delete("selfsubjectreviews"),
)
NAMESPACES = script(
    "namespaces",
    post("namespaces", named("p-gone"), as_="ns"),
    wait(get("/api/v1/namespaces/p-gone/serviceaccounts/default"), "code=200"),
    wait(get("/api/v1/namespaces/p-gone/configmaps/kube-root-ca.crt"), "code=200"),
    post("/api/v1/namespaces/p-gone/configmaps", config_map("held", {}, finalizers=["e.com/a"])),
    delete("namespaces/p-gone", dryRun="All"),
    delete("namespaces/p-gone", options(preconditions={"uid": "x"})),
    delete("namespaces/p-gone"),
    post("/api/v1/namespaces/p-gone/configmaps", config_map("late", {})),
    post("/api/v1/namespaces/p-gone/pods", named("late", spec=pod_spec())),
    wait(get("namespaces/p-gone"), "status.conditions"),
    wait(get("/api/v1/namespaces/p-gone/configmaps/held"), "metadata.deletionTimestamp"),
    delete("namespaces/p-gone"),
    put(
        "namespaces/p-gone/finalize",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "p-gone"}, "spec": {"finalizers": ["bad"]}},
    ),
    merge("/api/v1/namespaces/p-gone/configmaps/held", {"metadata": {"finalizers": None}}),
    wait(get("namespaces/p-gone"), "code=404"),
    get("/api/v1/namespaces/p-gone/configmaps"),
    delete("namespaces/default"),
    delete("namespaces/kube-system"),
)
SCRIPTS: tuple[Script, ...] = (PLAIN, FINALIZERS, OWNERS, WORKLOADS, PODS, COLLECTIONS, NAMESPACES)
