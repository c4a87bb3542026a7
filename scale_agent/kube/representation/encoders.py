"""Which encoder makes which negotiated representation: the table between ``negotiation`` and the encoders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from scale_agent.kube import query, status
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec import gojson
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request
from scale_agent.kube.representation import negotiation, yaml_text
from scale_agent.kube.representation.partial import PartialJson, PartialProtobuf, PartialYaml
from scale_agent.kube.representation.representations import Encoder, JsonEncoder, ProtobufEncoder, YamlEncoder
from scale_agent.kube.representation.tables import TableEncoder, YamlTableEncoder
from scale_agent.kube.schema.resources import ResourceType

_WHOLE: dict[str, type[JsonEncoder] | type[ProtobufEncoder]] = {
    negotiation.JSON: JsonEncoder,
    negotiation.PROTOBUF: ProtobufEncoder,
    negotiation.YAML: YamlEncoder,
}
_PARTIAL: dict[str, type[PartialJson] | type[PartialProtobuf]] = {
    negotiation.JSON: PartialJson,
    negotiation.PROTOBUF: PartialProtobuf,
    negotiation.YAML: PartialYaml,
}


@lru_cache(maxsize=1024)
def _whole(media: str, catalog: Catalog, resource: ResourceType) -> Encoder:
    """One for all requests and watches: it remembers nothing of them."""
    return _WHOLE[media](catalog, resource)


@lru_cache(maxsize=1024)
def _partial(media: str, catalog: Catalog, resource: ResourceType, version: str) -> Encoder:
    return _PARTIAL[media](catalog, resource, version)


def encoder_for(
    catalog: Catalog,
    resource: ResourceType,
    request: Request,
    now: float,
    listing: bool = False,
    stream: bool = False,
) -> Encoder:
    """The representation that the request accepts. Raises 406; 400 for a table that nobody can make."""
    choice = negotiation.choose(request.headers.get("accept", ""), typed=resource.typed)
    if stream:
        negotiation.check_stream(choice)
    if not choice.shape:
        return _whole(choice.media, catalog, resource)
    if choice.shape == "Partial":
        if not stream and choice.of_list is not listing:
            raise status.not_partial(_go_type(resource, listing), listing=listing)
        return _partial(choice.media, catalog, resource, choice.version)
    table = TableEncoder if choice.media == negotiation.JSON else YamlTableEncoder
    return table(catalog, resource, choice, _included(request), now)


def _included(request: Request) -> str:
    """What the rows of a table carry of their objects. Raises 400."""
    include = query.parse_query(request.query).get("includeObject", "") if "includeObject" in request.query else ""
    if include not in ("", "Metadata", "Object", "None"):
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise status.bad_request(f"Unable to convert to Table as requested: {why}")
    return include


def _go_type(resource: ResourceType, listing: bool) -> str:
    """The internal Go type that a refusal names."""
    if not resource.typed:
        return "*unstructured.UnstructuredList" if listing else "*unstructured.Unstructured"
    return f"*{resource.group.partition('.')[0] or 'core'}.{resource.list_kind if listing else resource.kind}"


def document(catalog: Catalog, obj: Mapping[str, Any], accept: str, *, transforms: bool = False) -> tuple[str, bytes]:
    """A plain document (a Status, a Scale) as ``(Content-Type, bytes)``; indented JSON for who accepts nothing.

    ``transforms``: it stands where tables are on offer too, and is none.
    """
    try:
        choice = negotiation.choose(accept, transforms=transforms)
    except StatusError:
        return negotiation.JSON, gojson.indented(gojson.dumps(obj))
    if choice.media == negotiation.PROTOBUF:
        return negotiation.PROTOBUF, catalog.encode(dict(obj))
    encoded = gojson.dumps(obj) + b"\n"
    return choice.media, yaml_text.from_json(encoded) if choice.media == negotiation.YAML else encoded
