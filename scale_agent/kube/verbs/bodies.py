"""The bodies of subresources: documents of a kind of their own."""

from __future__ import annotations

from collections.abc import Sequence

from scale_agent.kube import status
from scale_agent.kube.representation import decoding, negotiation
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call


def document(call: Call, api_version: str, kind: str, also: Sequence[str] = ()) -> Obj:
    """The request's body as that kind, typed; ``also``: other versions that are taken for it. Raises 400, 415."""
    catalog, request = call.core.catalog, call.request
    media = negotiation.body_type(request.headers.get("content-type", ""))
    if media == negotiation.PROTOBUF:
        obj = decoding.from_protobuf(catalog, request.body, kind, api_version)
    else:
        obj = decoding.from_text(request.body, media, kind)
    given, version = obj.get("kind") or kind, obj.get("apiVersion") or api_version
    if given != kind:
        group = api_version.rpartition("/")[0] or "core"
        short = str(version).rpartition("/")[2]
        why = f"converting ({short}.{given}) to ({group}.{kind}): unknown conversion"
        raise status.bad_request(f'{given} in version "{short}" cannot be handled as a {kind}: {why}')
    if version != api_version and version not in also:
        message = f"the API version in the data ({version}) does not match the expected API version ({api_version})"
        raise status.bad_request(message)
    return catalog.document({**obj, "kind": kind, "apiVersion": api_version}, api_version, kind)


def check_namespace(call: Call, obj: Obj) -> None:
    """A namespace in the body is the path's. Raises 400."""
    namespace = (obj.get("metadata") or {}).get("namespace")
    if namespace and namespace != call.route.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(message)


def check_name(call: Call, obj: Obj) -> None:
    """The name in the body is the path's. Raises 400."""
    name = (obj.get("metadata") or {}).get("name")
    if not name:
        where = f"the name of the object ({call.route.name} based on URL) was undeterminable"
        raise status.bad_request(f"{where}: name must be provided")
    if name != call.route.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.route.name})"
        raise status.bad_request(message)
