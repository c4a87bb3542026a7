"""Which definitions a server takes (``apis/apiextensions/validation/validation.go``).

The real server checks an internal form in which what all versions have alike stands once, beside the versions: hence
``spec.validation`` in its words where the definition says ``spec.versions[0].schema``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from scale_agent.kube.custom import (
    approval,
    causes,
    default_rules,
    field_paths,
    internal,
    names,
    schema_rules,
    structural_rules,
)
from scale_agent.kube.custom.causes import child
from scale_agent.kube.custom.internal import Spec
from scale_agent.kube.custom.schema import Node, recognized
from scale_agent.kube.status import Cause

Raw = Mapping[str, Any]
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MOST_SELECTABLE = 8
_REVIEWS = ("v1", "v1beta1")


def problems_of_new(definition: Raw) -> list[Cause]:
    """The causes for which a new definition is refused."""
    return [*_name(definition), *_known(definition), *_stored(definition), *_approval(definition, None)]


def problems_of_update(old: Raw, definition: Raw, *, established: bool) -> list[Cause]:
    """The causes for which a change is refused."""
    found = [*_known(definition), *_immutable(old["spec"], definition["spec"], established)]
    return [*found, *_stored(definition), *_approval(definition, old)]


def _known(definition: Raw) -> tuple[Cause, ...]:
    """The causes in a spec, looked for once: thousands of clusters get the same definitions."""
    return _causes(orjson.dumps(definition["spec"]))


@lru_cache(maxsize=512)
def _causes(spec: bytes) -> tuple[Cause, ...]:
    return tuple(_spec(orjson.loads(spec)))


def unknown_formats(definition: Raw) -> tuple[str, ...]:
    """Formats in a definition that mean nothing, sorted."""
    return _formats(orjson.dumps(definition["spec"].get("versions") or ()))


@lru_cache(maxsize=512)
def _formats(versions: bytes) -> tuple[str, ...]:
    found: set[str] = set()
    for version in orjson.loads(versions):
        for schema in structural_rules.walk(_schema_of(version) or {}):
            text = schema.get("format") or ""
            if text and not recognized(text, schema.get("type") or ""):
                found.add(text)
    return tuple(sorted(found))


def _name(definition: Raw) -> Iterator[Cause]:
    spec, name = definition["spec"], definition["metadata"].get("name") or ""
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
    if name and name != wanted:
        yield causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _spec(raw: Raw) -> Iterator[Cause]:
    spec = internal.of(raw)
    yield from _group(raw.get("group") or "")
    yield from _one_of("spec.scope", raw.get("scope") or "", ("Cluster", "Namespaced"))
    if spec.schema is None:
        for index, version in enumerate(spec.versions):
            if _schema_of(version) is None:
                yield causes.required(f"spec.versions[{index}].schema.openAPIV3Schema")
    for index, version in enumerate(spec.versions):
        yield from _version(version, spec, f"spec.versions[{index}]")
    yield from _versions(spec)
    yield from _names(raw.get("names") or {})
    if spec.schema is not None:
        yield from _schema(spec.schema, "spec.validation", status=spec.has_status)
    yield from _subresources(spec.subresources, "spec.subresources")
    for index, column in enumerate(spec.columns):
        yield from _column(column, f"spec.additionalPrinterColumns[{index}]")
    if spec.selectable:
        yield from _selectable(spec.selectable, spec.schema, "spec.selectableFields")
    yield from _conversion(raw.get("conversion") or {}, "spec.conversion")
    if raw.get("preserveUnknownFields"):
        words = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        yield causes.invalid("spec.preserveUnknownFields", True, words)


def _group(group: str) -> Iterator[Cause]:
    if not group:
        yield causes.required("spec.group")
    elif found := names.subdomain_problems(group):
        yield causes.invalid("spec.group", group, ",".join(found))
    elif "." not in group:
        yield causes.invalid("spec.group", group, "should be a domain with at least one dot")


def _one_of(path: str, value: str, allowed: Sequence[str]) -> Iterator[Cause]:
    if not value:
        yield causes.required(path)
    elif value not in allowed:
        yield causes.unsupported(path, value, allowed)


def _schema_of(version: Raw) -> Raw | None:
    found: Raw | None = (version.get("schema") or {}).get("openAPIV3Schema")
    return found


def _version(version: Raw, spec: Spec, path: str) -> Iterator[Cause]:
    if found := names.label_1035_problems(version.get("name") or ""):
        yield causes.invalid(child(path, "name"), version.get("name") or "", ",".join(found))
    yield from _deprecation(version, child(path, "deprecationWarning"))
    schema = _schema_of(version)
    if schema is not None:
        subresources = version.get("subresources") or spec.subresources or {}
        yield from _schema(schema, child(path, "schema"), status=subresources.get("status") is not None)
    yield from _subresources(version.get("subresources"), child(path, "subresources"))
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _column(column, f"{child(path, 'additionalPrinterColumns')}[{index}]")
    if version.get("selectableFields"):
        yield from _selectable(version["selectableFields"], schema, child(path, "selectableFields"))


def _deprecation(version: Raw, path: str) -> Iterator[Cause]:
    text = version.get("deprecationWarning")
    if text is None:
        return
    if not version.get("deprecated"):
        yield causes.invalid(path, text, "can only be set for deprecated versions")
        return
    if len(text.encode()) > 256:
        yield causes.invalid(path, text, "must be <= 256 characters long")
    if not text:
        yield causes.invalid(path, text, "must not be an empty string")
    at = next((index for index, char in enumerate(text) if not char.isprintable()), None)
    if at is not None:
        index = len(text[:at].encode())
        words = f"must only contain printable UTF-8 characters; non-printable character found at index {index}"
        yield causes.invalid(path, text, words)


def _versions(spec: Spec) -> Iterator[Cause]:
    called = [version.get("name") or "" for version in spec.versions]
    if len(set(called)) < len(called):
        yield causes.invalid("spec.versions", spec.shown, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in spec.versions) != 1:
        words = "must have exactly one version marked as storage version"
        yield causes.invalid("spec.versions", spec.shown, words)
    if spec.version and (found := names.label_1035_problems(spec.version)):
        yield causes.invalid("spec.version", spec.version, ",".join(found))


def _names(given: Raw) -> Iterator[Cause]:
    for part in ("plural", "singular", "kind", "listKind"):
        if not given.get(part):
            yield causes.required(f"spec.names.{part}")
    yield from names_problems(given, "spec.names")


def names_problems(given: Raw, path: str) -> Iterator[Cause]:
    """The causes of names that are none."""
    for part in ("plural", "singular"):
        if given.get(part) and (found := names.label_1035_problems(given[part])):
            yield causes.invalid(child(path, part), given[part], ",".join(found))
    for part in ("kind", "listKind"):
        if given.get(part) and (problem := names.kind_problem(given[part])):
            yield causes.invalid(child(path, part), given[part], problem)
    yield from _each_label(given.get("shortNames") or (), child(path, "shortNames"))
    if given.get("kind") and given["kind"] == given.get("listKind"):
        yield causes.invalid(child(path, "listKind"), given["listKind"], "kind and listKind may not be the same")
    yield from _each_label(given.get("categories") or (), child(path, "categories"))


def _each_label(found: Sequence[str], path: str) -> Iterator[Cause]:
    for index, one in enumerate(found):
        if problems := names.label_1035_problems(one):
            yield causes.invalid(f"{path}[{index}]", one, ",".join(problems))


_AT_STATUS_ROOT = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern "
    "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields "
    "XValidations"
)
_ENABLED = "at the root of the schema if the status subresource is enabled"


def _schema(schema: Raw, path: str, *, status: bool) -> Iterator[Cause]:
    place = child(path, "openAPIV3Schema")
    found = list(_root(schema, place, status=status))
    unreadable = structural_rules.unreadable(schema)
    if not unreadable:
        found += structural_rules.problems(schema, place) or list(default_rules.problems(Node(schema), place))
    found += schema_rules.problems(schema, schema_rules.Place(place, root=True))
    if unreadable and not found:
        found.append(causes.invalid(place, "", unreadable))
    yield from found or schema_rules.rule_problems(schema, place)


def _root(schema: Raw, place: str, *, status: bool) -> Iterator[Cause]:
    if status:
        allowed = internal.ALLOWED_AT_ROOT
        for name in internal.in_go_order(schema):
            if name == "type" and schema["type"] != "object":
                words = f'only "object" is allowed as the type {_ENABLED}'
                yield causes.invalid(child(place, "type"), schema["type"], words)
                break
            if name != "type" and name not in allowed:
                words = (
                    f"only [{_AT_STATUS_ROOT}] fields are allowed at the root of the schema if the status subresource"
                )
                yield causes.invalid(place, internal.go_schema(schema), f"{words} is enabled")
                break
    if schema.get("nullable"):
        yield causes.forbidden(child(place, "nullable"), "nullable cannot be true at the root")


def _subresources(found: Raw | None, path: str) -> Iterator[Cause]:
    scale = (found or {}).get("scale")
    if scale is None:
        return
    for name, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        place, text = child(path, f"scale.{name}"), scale.get(name) or ""
        if not text:
            yield causes.required(place)
        elif problem := _simple_path(text):
            yield causes.invalid(place, text, problem)
        elif not text.startswith(below):
            yield causes.invalid(place, text, f"should be a json path under {below[:-1]}")
    selector = scale.get("labelSelectorPath") or ""
    if selector:
        place = child(path, "scale.labelSelectorPath")
        problem = _simple_path(selector)
        if not problem and not selector.startswith((".spec.", ".status.")):
            problem = "should be a json path under either .spec or .status"
        if problem:
            yield causes.invalid(place, selector, problem)


def _simple_path(text: str) -> str:
    return "" if text.startswith(".") else "must be a simple json path starting with ."


def _column(column: Raw, path: str) -> Iterator[Cause]:
    kind, words = column.get("type") or "", f"must be one of {','.join(_COLUMN_TYPES)}"
    if not column.get("name"):
        yield causes.required(child(path, "name"))
    if not kind:
        yield causes.required(child(path, "type"), words)
    elif kind not in _COLUMN_TYPES:
        yield causes.invalid(child(path, "type"), kind, words)
    if column.get("format") and column["format"] not in _COLUMN_FORMATS:
        yield causes.invalid(child(path, "format"), column["format"], f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not column.get("jsonPath"):
        yield causes.required(child(path, "JSONPath"))
    elif problem := _simple_path(column["jsonPath"]):
        yield causes.invalid(child(path, "JSONPath"), column["jsonPath"], problem)


def _selectable(fields: Sequence[Raw], schema: Raw | None, path: str) -> Iterator[Cause]:
    if schema is None:
        yield causes.invalid(path, "", "may only be set when `version.schema.openAPIV3Schema` is not included")
        return
    seen: set[str] = set()
    for index, one in enumerate(fields):
        text, place = one.get("jsonPath") or "", child(f"{path}[{index}]", "jsonPath")
        if not text:
            yield causes.required(place)
            continue
        try:
            at, found = field_paths.resolve(text, schema, arrays=False)
        except field_paths.InvalidPathError as error:
            yield causes.invalid(place, text, f"is an invalid path: {error}")
            continue
        if at.partition(".")[0] == "metadata":
            yield causes.invalid(place, text, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            words = "Enum string fields and strings with formats are allowed."
            yield causes.invalid(place, text, f"must point to a field of type string, boolean or integer. {words}")
        if at in seen:
            yield causes.duplicate(place, text)
        seen.add(at)
    if len(seen) > _MOST_SELECTABLE:
        yield causes.too_many(path, len(seen), _MOST_SELECTABLE)


def _conversion(conversion: Raw, path: str) -> Iterator[Cause]:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook")
    yield from _one_of(child(path, "strategy"), strategy, ("None", "Webhook"))
    client = (webhook or {}).get("clientConfig")
    reviews = (webhook or {}).get("conversionReviewVersions") or ()
    if strategy != "Webhook":
        words = "should not be set when strategy is not set to Webhook"
        for name, there in (("webhookClientConfig", client), ("conversionReviewVersions", reviews)):
            if there:
                yield causes.forbidden(child(path, name), words)
        return
    place = child(path, "webhookClientConfig")
    if client is None:
        yield causes.required(place, "required when strategy is set to Webhook")
    elif (client.get("url") is None) == (client.get("service") is None):
        yield causes.required(place, "exactly one of url or service is required")
    elif client.get("url") is not None:
        yield from _url(client["url"], child(place, "url"))
    else:
        yield from _service(client["service"], child(place, "service"))
    yield from _reviews(reviews, child(path, "conversionReviewVersions"))


def _url(text: str, path: str) -> Iterator[Cause]:
    form = "; desired format: https://host[/path]"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        yield causes.required(path, f"url must be a valid URL: {error}{form}")
        return
    if parts.scheme != "https":
        yield causes.invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{form}")
    if not parts.netloc:
        yield causes.invalid(path, "", f"host must be specified{form}")
    if parts.username is not None:
        yield causes.invalid(path, parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
    if parts.fragment:
        yield causes.invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield causes.invalid(path, parts.query, "query parameters are not permitted in the URL")


def _service(service: Raw, path: str) -> Iterator[Cause]:
    for name in ("namespace", "name"):  # the real server gives the two in the other order
        other = "name" if name == "namespace" else "namespace"
        if not service.get(name):
            yield causes.required(child(path, other))
    port = service.get("port", 443)
    if not 1 <= port <= 65535:
        yield causes.invalid(child(path, "port"), port, "port is not valid: must be between 1 and 65535, inclusive")
    text = service.get("path") or "/"
    for problem in _path_problems(text) if text != "/" else ():
        yield causes.invalid(child(path, "path"), text, problem)


def _path_problems(text: str) -> Iterator[str]:
    if text == "//":
        yield "segment[0] may not be empty"
        return
    if not text.startswith("/"):
        yield "must start with a '/'"
    for index, segment in enumerate(text[1:].removesuffix("/").split("/")):
        if not segment:
            yield f"segment[{index}] may not be empty"
            continue
        for problem in names.subdomain_problems(segment):
            yield f"segment[{index}]: {problem}"


def _reviews(versions: Sequence[str], path: str) -> Iterator[Cause]:
    if not versions:
        yield causes.required(path)
        return
    for index, one in enumerate(versions):
        if one in versions[:index]:
            yield causes.invalid(f"{path}[{index}]", one, "duplicate version")
            continue
        for problem in names.label_1035_problems(one):
            yield causes.invalid(f"{path}[{index}]", one, problem)
    if not set(versions) & set(_REVIEWS):
        yield causes.invalid(path, list(versions), f"must include at least one of {', '.join(_REVIEWS)}")


def _immutable(old: Raw, new: Raw, established: bool) -> Iterator[Cause]:
    words = "field is immutable"
    if established:
        if old.get("scope") != new.get("scope"):
            yield causes.invalid("spec.scope", new.get("scope"), words)
        if old["names"].get("kind") != new["names"].get("kind"):
            yield causes.invalid("spec.names.kind", new["names"].get("kind"), words)
    if old.get("group") != new.get("group"):
        yield causes.invalid("spec.group", new.get("group"), words)
    if old["names"].get("plural") != new["names"].get("plural"):
        yield causes.invalid("spec.names.plural", new["names"].get("plural"), words)


def _stored(definition: Raw) -> Iterator[Cause]:
    """``status.storedVersions`` names the storage version, and nothing that is not there."""
    path = "status.storedVersions"
    stored: list[str] = (definition.get("status") or {}).get("storedVersions") or []
    if not stored:
        yield causes.invalid(path, None, "must have at least one stored version")
        return
    versions = definition["spec"].get("versions") or ()
    there: set[Any] = set()
    for version in versions:
        known = version.get("name") in stored and version.get("name") not in there
        if version.get("storage") and not known:
            yield causes.invalid(path, stored, f"must have the storage version {version.get('name')}")
        there.add(version.get("name"))
    for index, one in enumerate(stored):
        if one not in there:
            words = (
                f"missing from spec.versions; {one} was previously a storage version, and must remain in spec.versions "
                f"until a storage migration ensures no data remains persisted in {one} and removes {one} from "
                "status.storedVersions"
            )
            yield causes.invalid(f"{path}[{index}]", one, words)


def _approval(definition: Raw, old: Raw | None) -> Iterator[Cause]:
    annotations = definition["metadata"].get("annotations") or {}
    verdict = approval.judge(definition["spec"].get("group") or "", annotations)
    if verdict is None or verdict.valid:
        return
    if old is not None:
        before = approval.judge(old["spec"]["group"], old["metadata"].get("annotations") or {})
        if before is not None and before.reason == verdict.reason:
            return
    path = f"metadata.annotations[{approval.ANNOTATION}]"
    text = annotations.get(approval.ANNOTATION, "")
    yield causes.invalid(path, text, verdict.message) if text else causes.required(path, verdict.message)
