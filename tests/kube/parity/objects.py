"""Small objects of many kinds for scripts: what a create needs and no more."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
APP = {"app": "web"}
#: Pods that no scheduler takes up: the real server has none.
UNSCHEDULED = "nobody"


def owner(name: str, uid: str) -> Obj:
    """A reference to what no garbage collector knows, so that it leaves the object alone."""
    return {"apiVersion": "e.com/v1", "kind": "Thing", "name": name, "uid": uid}


def pod_spec(**more: Any) -> Obj:
    """One container."""
    return {"schedulerName": UNSCHEDULED, "containers": [{"name": "main", "image": "nginx"}], **more}


def template(**more: Any) -> Obj:
    """A pod template with the label ``app: web``."""
    return {"metadata": {"labels": APP}, "spec": pod_spec(**more)}


def named(name: str, **more: Any) -> Obj:
    """An object with a name; other parts as given."""
    return {"metadata": {"name": name}, **more}


def labelled(name: str, labels: Obj, **more: Any) -> Obj:
    """An object with labels."""
    return {"metadata": {"name": name, "labels": labels}, **more}


def typed(api_version: str, kind: str, name: str, **more: Any) -> Obj:
    """An object that says what it is."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def deployment(name: str = "web", replicas: int = 0, **more: Any) -> Obj:
    """apps/v1, with its selector."""
    spec = {"replicas": replicas, "selector": {"matchLabels": APP}, "template": template(), **more}
    return typed("apps/v1", "Deployment", name, spec=spec)


def config_map(name: str, data: Obj | None = None, **meta: Any) -> Obj:
    """v1."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}
    return body if data is None else {**body, "data": data}
