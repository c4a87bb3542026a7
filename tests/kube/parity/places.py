"""Where resources are, by plural: for short paths in scripts."""

from __future__ import annotations

#: group/version: plurals. Namespaced ones are in the second table.
_CLUSTER = {
    "v1": "componentstatuses namespaces nodes persistentvolumes",
    "admissionregistration.k8s.io/v1": "mutatingadmissionpolicies mutatingadmissionpolicybindings "
    "mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings "
    "validatingwebhookconfigurations",
    "apiextensions.k8s.io/v1": "customresourcedefinitions",
    "apiregistration.k8s.io/v1": "apiservices",
    "authentication.k8s.io/v1": "selfsubjectreviews tokenreviews",
    "authorization.k8s.io/v1": "selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews",
    "certificates.k8s.io/v1": "certificatesigningrequests",
    "flowcontrol.apiserver.k8s.io/v1": "flowschemas prioritylevelconfigurations",
    "networking.k8s.io/v1": "ingressclasses ipaddresses servicecidrs",
    "node.k8s.io/v1": "runtimeclasses",
    "rbac.authorization.k8s.io/v1": "clusterrolebindings clusterroles",
    "resource.k8s.io/v1": "deviceclasses resourceslices",
    "scheduling.k8s.io/v1": "priorityclasses",
    "storage.k8s.io/v1": "csidrivers csinodes storageclasses volumeattachments volumeattributesclasses",
}
_NAMESPACED = {
    "v1": "bindings configmaps endpoints events limitranges persistentvolumeclaims pods podtemplates "
    "replicationcontrollers resourcequotas secrets serviceaccounts services",
    "apps/v1": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "authorization.k8s.io/v1": "localsubjectaccessreviews",
    "autoscaling/v2": "horizontalpodautoscalers",
    "batch/v1": "cronjobs jobs",
    "coordination.k8s.io/v1": "leases",
    "discovery.k8s.io/v1": "endpointslices",
    "events.k8s.io/v1": "events.events",
    "networking.k8s.io/v1": "ingresses networkpolicies",
    "policy/v1": "poddisruptionbudgets",
    "rbac.authorization.k8s.io/v1": "rolebindings roles",
    "resource.k8s.io/v1": "resourceclaims resourceclaimtemplates",
    "storage.k8s.io/v1": "csistoragecapacities",
}
NAMESPACE = "{{ns}}"


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


PLACES = {
    **{plural: _base(version) for version, plurals in _CLUSTER.items() for plural in plurals.split()},
    **{
        plural: f"{_base(version)}/namespaces/{NAMESPACE}"
        for version, plurals in _NAMESPACED.items()
        for plural in plurals.split()
    },
}


def path_of(where: str) -> str:
    """The whole path of ``PLURAL[/NAME[/SUB]]``; a path that starts with a slash is one already."""
    if where.startswith("/"):
        return where
    plural, slash, rest = where.partition("/")
    return f"{PLACES[plural]}/{plural.partition('.')[0]}{slash}{rest}"
