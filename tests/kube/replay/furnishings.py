"""What every namespace of the recorded clusters held at second 0 and hardly any recorded answer shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scale_agent.kube.snapshot import CA_PLACEHOLDER

Object = dict[str, Any]

#: Also there, though no client of the recordings ever touched them.
BOOTSTRAP = ("default", "kube-node-lease", "kube-public", "kube-system")
ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def missing(objects: Sequence[Object]) -> Iterator[Object]:
    """The default service account and the authority's certificate of each namespace that was there."""
    shown = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects}
    names = {one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"} | set(BOOTSTRAP)
    for namespace in sorted(names):
        account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        authority: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ROOT_CA}}
        authority["metadata"]["annotations"] = {"kubernetes.io/description": DESCRIPTION}
        authority["data"] = {"ca.crt": CA_PLACEHOLDER}
        for made in (account, authority):
            made["metadata"]["namespace"] = namespace
            if (made["kind"], namespace, made["metadata"]["name"]) not in shown:
                yield made
