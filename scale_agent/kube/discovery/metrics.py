"""``/metrics``: what this server can tell truthfully, in the names and the words of a real one.

The head of each family (HELP, TYPE) and the feature gates are data of the Kubernetes version; families of which nothing
is known here, etcd's and Go's own, are not there.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.core import Core
from scale_agent.kube.discovery import counting, health
from scale_agent.kube.http import Headers, Request, Response
from scale_agent.kube.schema.resources import STORED_WITH
from scale_agent.kube.storage.version import Obj

_NO_CACHE = ("Cache-Control", "no-cache, private")
_TYPE = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
_HEAD = re.compile(r"# (?:HELP|TYPE) (\S+) ")
#: Labels in the order in which they are written, and the value.
Sample = tuple[Mapping[str, object], float]


@cache
def _heads(version: str) -> Mapping[str, str]:
    """HELP and TYPE of each family; those that are data as a whole have their samples behind them."""
    found: dict[str, list[str]] = {}
    family = ""
    for line in data_files.load_json(version, "endpoints.json")["/metrics"].splitlines():
        head = _HEAD.match(line)
        family = head[1] if head else family
        found.setdefault(family, []).append(line)
    return _HEADS | {name: "\n".join(lines) + "\n" for name, lines in found.items()}


#: Heads of families that are in every version.
_HEADS = {
    "kubernetes_build_info": (
        "# HELP kubernetes_build_info [BETA] A metric with a constant '1' value labeled by major, minor, git version,"
        " git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and"
        " platform on which it is running.\n# TYPE kubernetes_build_info gauge\n"
    )
}


def _requests(core: Core, now: float) -> Iterator[Sample]:
    for kind, number in counting.counts(core):
        labels = {"code": kind.code, "component": "apiserver", "dry_run": "", "group": kind.group}
        labels |= {"resource": kind.resource, "scope": kind.scope, "subresource": kind.subresource}
        yield {**labels, "verb": kind.verb, "version": kind.version}, number


def _stored(core: Core) -> Iterator[tuple[str, str, int]]:
    built_in = core.catalog.schema.resources
    keys = {(one.group, one.plural) for one in built_in if {"create", "list"} <= one.verbs} - set(STORED_WITH)
    keys |= {one.key for one in core.custom.all()}
    for group, plural in sorted(keys | core.store.keys()):
        yield group, plural, len(core.store.list((group, plural)))


def _objects(core: Core, now: float) -> Iterator[Sample]:
    return (({"group": group, "resource": plural}, number) for group, plural, number in _stored(core))


def _objects_by_name(core: Core, now: float) -> Iterator[Sample]:
    for group, plural, number in _stored(core):
        yield {"resource": f"{plural}.{group}" if group else plural}, number


def _build(core: Core, now: float) -> Iterator[Sample]:
    version: Obj = orjson.loads(data_files.load_json(core.catalog.schema.version, "discovery.json")["/version"])
    names = {"build_date": "buildDate", "compiler": "compiler", "git_commit": "gitCommit"}
    names |= {"git_tree_state": "gitTreeState", "git_version": "gitVersion", "go_version": "goVersion"}
    names |= {"major": "major", "minor": "minor", "platform": "platform"}
    version["gitVersion"] = core.catalog.version
    yield {label: version[member] for label, member in names.items()}, 1


def _inflight(core: Core, now: float) -> Iterator[Sample]:
    yield {"request_kind": "mutating"}, 0
    yield {"request_kind": "readOnly"}, 1


def _start(core: Core, now: float) -> Iterator[Sample]:
    yield {}, core.store.snapshot.built_s


def _announced(core: Core, now: float) -> Iterator[Sample]:
    for version in core.store.list(("apiregistration.k8s.io", "apiservices")):
        conditions = (version.object().get("status") or {}).get("conditions") or ()
        unavailable = any(one.get("type") == "Available" and one.get("status") == "False" for one in conditions)
        yield {"name": version.name}, int(unavailable)


def _checks(core: Core) -> list[tuple[str, str]]:
    version = core.catalog.schema.version
    return sorted({(name, root) for root in health.ROOTS for name in health.checks(version, root)})


_HEALTH_HEAD = """\
# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.
# TYPE kubernetes_healthcheck gauge
"""


#: Families and where their samples come from; feature gates need none.
FAMILIES: Mapping[str, Callable[[Core, float], Iterator[Sample]]] = {
    "aggregator_unavailable_apiservice": _announced,
    "apiserver_current_inflight_requests": _inflight,
    "apiserver_request_total": _requests,
    "apiserver_resource_objects": _objects,
    "apiserver_storage_objects": _objects_by_name,
    "kubernetes_build_info": _build,
    "kubernetes_feature_enabled": lambda core, now: iter(()),
    "process_start_time_seconds": _start,
}


def _family(core: Core, name: str, now: float) -> Iterator[str]:
    head = _heads(core.catalog.schema.version).get(name)
    if head is None:  # not in this version
        return
    yield head
    yield from sorted(_line(name, labels, value) for labels, value in FAMILIES[name](core, now))


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    text = ",".join(f'{label}="{_escaped(str(one))}"' for label, one in labels.items())
    return f"{name}{{{text}}} {number(value)}\n" if text else f"{name} {number(value)}\n"


def number(value: float) -> str:
    """A number as Go writes one (``%g`` with as few digits as it needs): 1e+06 has an exponent."""
    if not value or 1e-4 <= abs(value) < 1e6:
        return f"{value:g}" if float(value).is_integer() else repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(str(digit) for digit in digits)
    power = int(exponent) + len(text) - 1
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{'-' * sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _answer(core: Core, request: Request, body: bytes) -> Response:
    started: Headers = (("Process-Start-Time-Unix", str(int(core.store.snapshot.built_s))),)
    headers: Headers = (_NO_CACHE, _TYPE, *started)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(200, (*headers, ("Content-Encoding", "gzip")), gzip.compress(body, mtime=0))
    return Response(200, headers, body)


def everything(core: Core, request: Request, now: float) -> Response:
    """``/metrics``, whatever the method."""
    return _answer(core, request, "".join(line for name in FAMILIES for line in _family(core, name, now)).encode())


def levels(core: Core, request: Request, now: float) -> Response:
    """``/metrics/slis``."""
    lines = (f'kubernetes_healthcheck{{name="{name}",type="{root}"}} 1\n' for name, root in _checks(core))
    return _answer(core, request, (_HEALTH_HEAD + "".join(lines)).encode())
