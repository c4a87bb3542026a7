"""Reading: resource versions, pages, label and field selectors."""

from __future__ import annotations

from tests.kube.parity.objects import config_map, labelled, named, pod_spec
from tests.kube.parity.steps import PROTOBUF, TABLE, Script, Step, delete, get, merge, post, script

CMS = "configmaps"
FAR = "99999999999"
VERSIONS = script(
    "versions",
    post(CMS, config_map("one", {"a": "1"}, labels={"l": "1"}), as_="a"),
    merge("configmaps/one", {"data": {"a": "2"}}, as_="b"),
    get("configmaps/one", resourceVersion="0"),
    get("configmaps/one", resourceVersion="{{b.rv}}"),
    get("configmaps/one", resourceVersion="{{a.rv}}"),
    get("configmaps/one", resourceVersion="abc"),
    get("configmaps/one", resourceVersion="-1"),
    get("configmaps/one", resourceVersion=FAR),
    get("configmaps/one", resourceVersion="{{b.rv}}", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersion="0"),
    get(CMS, labelSelector="l=1", resourceVersion="0", resourceVersionMatch="NotOlderThan"),
    get(CMS, labelSelector="l=1", resourceVersion="{{b.rv}}", resourceVersionMatch="NotOlderThan"),
    get(CMS, labelSelector="l=1", resourceVersion="{{a.rv}}"),
    get(CMS, labelSelector="l=1", resourceVersion="{{b.rv}}", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersion="{{a.rv}}", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersion="0", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersionMatch="NotOlderThan"),
    get(CMS, labelSelector="l=1", resourceVersion="1", resourceVersionMatch="Newer"),
    get(CMS, labelSelector="l=1", resourceVersion="x", resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersion=FAR),
    get(CMS, labelSelector="l=1", resourceVersion=FAR, resourceVersionMatch="Exact"),
    get(CMS, labelSelector="l=1", resourceVersion="0", limit=1),
    get(CMS, labelSelector="l=1", resourceVersion="{{b.rv}}", limit=1),
    get(CMS, labelSelector="l=1", resourceVersion=""),
)
PAGES = script(
    "pages",
    [post(CMS, config_map(f"c{n}", {"n": str(n)}, labels={"l": str(n % 2), "all": "1"})) for n in range(6)],
    get(CMS, limit=2, labelSelector="all=1", as_="p1"),
    get(CMS, limit=2, labelSelector="all=1", **{"continue": "{{p1.continue}}"}, as_="p2"),
    get(CMS, limit=2, labelSelector="all=1", **{"continue": "{{p2.continue}}"}),
    get(CMS, limit=4, as_="q1"),
    get(CMS, limit=4, **{"continue": "{{q1.continue}}"}),
    get(CMS, **{"continue": "{{q1.continue}}"}),
    get(CMS, limit=7),
    get(CMS, limit=0, labelSelector="all=1"),
    get(CMS, limit="-1", labelSelector="all=1"),
    get(CMS, limit="two"),
    get(CMS, limit="1.5"),
    get(CMS, limit=""),
    get(CMS, limit=1, labelSelector="l=1", as_="r1"),
    get(CMS, limit=1, labelSelector="l=1", **{"continue": "{{r1.continue}}"}),
    get(CMS, limit=2, fieldSelector="metadata.name!=c0", as_="s1"),
    get(CMS, limit=2, accept=TABLE, labelSelector="all=1"),
    get(CMS, limit=2, accept=PROTOBUF, labelSelector="all=1"),
    get(CMS, limit=1, **{"continue": "{{p1.continue}}"}, resourceVersion="5"),
    get(CMS, limit=1, **{"continue": "{{p1.continue}}"}, resourceVersion="0"),
    get(CMS, limit=1, **{"continue": "{{p1.continue}}"}, resourceVersionMatch="Exact", resourceVersion="1"),
    get(CMS, limit=1, **{"continue": "garbage"}),
    get(CMS, limit=1, **{"continue": "e30"}),
    get(CMS, limit=1, **{"continue": "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiIifQ"}),
    get(CMS, limit=1, **{"continue": "eyJ2IjoidjIiLCJydiI6MSwic3RhcnQiOiJhIn0"}),
    get(CMS, limit=1, **{"continue": "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi94In0"}),
    delete("configmaps/c4"),
    get(CMS, limit=2, labelSelector="all=1", **{"continue": "{{p2.continue}}"}),
    get("/api/v1/configmaps", limit=3, labelSelector="all=1", as_="all"),
    get("/api/v1/configmaps", limit=3, labelSelector="all=1", **{"continue": "{{all.continue}}"}),
    delete(CMS, labelSelector="all=1", limit=2),
    get(CMS, labelSelector="all=1"),
)
LABELS = (
    "a=1", "a==1", "a!=1", "a", "!a", "a in (1,2)", "a notin (1)", "a=1,b=2", "a in (1),!b", "a>0", "a<2", "a>=1",
    "a=", "a!=", "=1", "a=1,", ",", "a in ()", "a in (1", "a in 1", "a=b c", "a b", "!a=1", "a in (,1)", "x/a=1",
    "x/y/z=1", "-a=1", "a=-1", "a=" + "x" * 64, "a>b", "a=1,a!=1", " a = 1 , b ", "a=(1)", "!", "a=1;b=2", "a in(1)",
    "(a)", "a notin (1),a", "in in (in)", "notin=1", "a==", "a=!1",
)  # fmt: skip
LABEL_SELECTORS = script(
    "labels",
    post(CMS, config_map("l0", {}, labels={"a": "1"})),
    post(CMS, config_map("l1", {}, labels={"a": "2", "b": "2"})),
    post(CMS, config_map("l2", {}, labels={"b": "2", "x/a": "1"})),
    post(CMS, config_map("l3", {}, labels={"a": ""})),
    [get(CMS, labelSelector=text) for text in LABELS],
)


def fields(place: str, *texts: str) -> list[Step]:
    """One list per selector."""
    return [get(place, fieldSelector=text) for text in texts]


FIELD_SELECTORS = script(
    "fields",
    post(CMS, config_map("one", {})),
    post("pods", labelled("one", {"a": "b"}, spec=pod_spec(restartPolicy="Never", nodeName="node-x"))),
    post("pods", named("two", spec=pod_spec(serviceAccountName="default"))),
    post("secrets", named("one", type="example.com/t", data={})),
    post(
        "events",
        named(
            "one",
            involvedObject={"kind": "Pod", "namespace": "{{ns}}", "name": "x", "uid": "u-9"},
            reason="R",
            type="Normal",
            source={"component": "c"},
        ),
    ),
    post(
        "replicasets",
        named(
            "one",
            spec={
                "replicas": 0,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec()},
            },
        ),
    ),
    fields(CMS, "metadata.name=one", "metadata.name!=one", "metadata.name==one", "metadata.namespace={{ns}}"),
    fields(CMS, "metadata.namespace=other", "metadata.name=one,metadata.namespace!=x", "metadata.uid=x", "name=one"),
    fields(
        CMS,
        "metadata.name",
        "=",
        "metadata.name=a=b",
        "metadata.name=one,",
        ",",
        "metadata.name in (one)",
        "metadata.name=a\\,b",
    ),
    fields(CMS, "metadata.labels.a=b", "data.a=1", "metadata.name>one", "metadata.name=", "metadata.name!="),
    fields(
        "pods",
        "spec.nodeName=node-x",
        "spec.nodeName=",
        "spec.nodeName!=node-x",
        "status.phase=Pending",
        "status.phase!=Pending",
    ),
    fields(
        "pods",
        "spec.restartPolicy=Never",
        "spec.schedulerName=nobody",
        "spec.serviceAccountName=default",
        "status.podIP=",
    ),
    fields(
        "pods",
        "status.nominatedNodeName=",
        "spec.hostNetwork=false",
        "spec.hostNetwork=true",
        "status.hostIP=",
        "spec.containers=x",
    ),
    fields("secrets", "type=example.com/t", "type!=example.com/t", "data.a=b"),
    fields(
        "events",
        "involvedObject.name=x",
        "involvedObject.kind=Pod,reason=R",
        "involvedObject.uid=u-9",
        "type=Warning",
        "reportingComponent=c",
        "source=c",
        "message=m",
    ),
    fields("events.events", "regarding.name=x", "involvedObject.name=x", "reason=R"),
    fields("replicasets", "status.replicas=0", "status.replicas=1", "spec.replicas=0"),
    fields("deployments", "spec.replicas=0"),
    fields("jobs", "status.successful=0"),
    fields(
        "namespaces", "metadata.name={{ns}}", "status.phase=Terminating,metadata.name={{ns}}", "metadata.namespace=x"
    ),
    fields("nodes", "spec.unschedulable=false", "metadata.name=none", "status.x=1"),
    fields("services", "spec.clusterIP=None", "spec.type=ClusterIP", "spec.x=1"),
    fields("certificatesigningrequests", "spec.signerName=x", "spec.x=y"),
    fields("replicationcontrollers", "status.replicas=0"),
    fields("persistentvolumes", "metadata.name=none", "spec.x=y"),
    fields("priorityclasses", "metadata.name=system-node-critical"),
    fields("clusterroles", "metadata.name=view", "rules=x"),
    fields("resourceslices", "spec.nodeName=x", "spec.driver=x"),
    fields("ipaddresses", "spec.parentRef=x"),
    delete("pods", fieldSelector="metadata.name=two"),
    get("pods/two"),
)
SCRIPTS: tuple[Script, ...] = (VERSIONS, PAGES, LABEL_SELECTORS, FIELD_SELECTORS)
