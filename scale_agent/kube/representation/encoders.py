"""Which encoder makes which negotiated representation: the table between ``negotiation`` and the encoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from scale_agent.kube import query
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.http import Request
from scale_agent.kube.representation import negotiation
from scale_agent.kube.representation.partial import PartialJson, PartialProtobuf
from scale_agent.kube.representation.representations import Encoder, JsonEncoder, ProtobufEncoder, YamlEncoder
from scale_agent.kube.representation.tables import TableEncoder
from scale_agent.kube.schema.resources import ResourceType

_WHOLE: dict[str, type[JsonEncoder] | type[ProtobufEncoder]] = {
    negotiation.JSON: JsonEncoder,
    negotiation.PROTOBUF: ProtobufEncoder,
    negotiation.YAML: YamlEncoder,
}


def encoder_for(catalog: Catalog, resource: ResourceType, request: Request, now: float) -> Encoder:
    """The representation that the request accepts. Raises 406."""
    choice = negotiation.choose(request.headers.get("accept", ""), typed=resource.typed)
    if not choice.shape:
        return _WHOLE[choice.media](catalog, resource)
    if choice.shape == "Partial":
        partial = PartialProtobuf if choice.media == negotiation.PROTOBUF else PartialJson
        return partial(catalog, resource)
    include = query.parse_query(request.query).get("includeObject", "Metadata")
    return TableEncoder(catalog, resource, choice, include, now)


def document(catalog: Catalog, obj: Mapping[str, Any], accept: str) -> tuple[str, bytes]:
    """A plain document (a Status, a Scale) as ``(Content-Type, bytes)``; JSON for who accepts neither."""
    for clause in negotiation.parse_accept(accept or "*/*"):
        if clause.name == negotiation.PROTOBUF and not clause.param("as"):
            return negotiation.PROTOBUF, catalog.encode(dict(obj))
        if clause.name in (negotiation.JSON, "*/*", "application/*"):
            break
    return negotiation.JSON, orjson.dumps(obj) + b"\n"
