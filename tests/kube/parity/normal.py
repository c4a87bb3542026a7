"""Answers with what may differ between two runs written in words: ids, versions, times, chance.

Relations stay visible. A uid becomes the name of the object that has it, wherever it stands; the resourceVersion of an
object says whether it is new or was seen before, so that a write that should change nothing is seen to change nothing.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from scale_agent.kube.codec import protobuf
from tests.kube.parity import chance, forms
from tests.kube.parity.answers import Answer
from tests.kube.parity.play import schema, value
from tests.kube.parity.streams import parsed

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
AGE = re.compile(r"^(\d+[dhms]){1,2}$")
ADDRESS = re.compile(r"^10\.43\.\d+\.\d+$")
JWT = re.compile(r"^eyJ[\w-]+\.[\w-]+\.[\w-]*$")
#: What is appended to a generateName, and where a script says one.
SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
GENERATE = re.compile(r'"generateName": "([^"]+)"')
#: What a controller appends to a name for a template, in its alphabet without vowels.
HASH = re.compile(r"(?<=-)(?=[b-z]*[2456789])[bcdfghjklmnpqrstvwxz2456789]{8,10}(?![\w])")
REVISION = re.compile("[bcdfghjklmnpqrstvwxz2456789]{6,10}$")
#: What a column of a table has; the prose of built-in ones is replaced by filler of the same length in our schema.
COLUMN = frozenset({"name", "type", "format", "description", "priority"})
#: The laboratory's binary was called so.
MANAGERS = {"kcm": "kube-controller-manager", "apiserver": "kube-apiserver"}
MOMENTARY = (
    (re.compile(r"in record \(\d+\)"), "in record (<n>)"),
    (re.compile(r"\(\S+ ago\)"), "(<age> ago)"),
    (re.compile(r"kube-api-access-[a-z0-9]{5}\b"), "kube-api-access-<generated>"),
    (re.compile(r"too old resource version: \d+ \(\d+\)"), "too old resource version: <n> (<n>)"),
    (re.compile(r"Too large resource version: \d+, current: \d+"), "Too large resource version: <n>, current: <n>"),
    (re.compile(r'(resourceVersion\\+":\\+")\d+'), r"\1<n>"),
    (re.compile(r"https?://(127\.0\.0\.1|10\.43\.0\.1|kubernetes[a-z.]*)(:\d+)?"), "<server>"),
)


@dataclass(frozen=True, slots=True)
class Normal:
    """An answer in words. ``body``: a JSON-shaped value, a list of events, or text; ``shape``: how it was written."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Any
    shape: str


@dataclass
class Normalizer:
    """For the answers of one run of one script, in order. ``said``: what the script itself says stays as it is."""

    said: str
    uids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Names that are refused are made up too."""
        found = {prefix[:58] for prefix in GENERATE.findall(self.said)}
        self._prefixes = [re.compile(f"({re.escape(prefix)}){SUFFIX}\\b") for prefix in sorted(found)]

    def normal(self, answer: Answer, *, stream: bool = False) -> Normal:
        """The next answer; ``stream``: it may be a watch's."""
        body, shape = self._events(answer.body) if stream and answer.status == 200 else self._read(answer)
        self.learn(body)
        headers = tuple((name, self._text(text, "")) for name, text in answer.headers)
        return Normal(answer.status, headers, self.rewrite(body, ""), shape)

    def _read(self, answer: Answer) -> tuple[Any, str]:
        kind, raw = answer.header("content-type"), answer.body
        if answer.header("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        if raw.startswith(protobuf.MAGIC):
            return value(raw), f"protobuf{self._roundtrip(raw)}"
        found = value(raw)
        if found is not None:
            return self._lines(raw, found)
        if "yaml" in kind:
            return yaml.load(raw, Loader=yaml.BaseLoader), forms.yaml_form(raw)
        return raw.decode("utf-8", "replace"), "text"

    @staticmethod
    def _events(raw: bytes) -> tuple[Any, str]:
        found = parsed(raw, lambda one: protobuf.decode(one, schema()))
        return [event for event in found if not chance.passing_bookmark(event)], ""

    @staticmethod
    def _roundtrip(raw: bytes) -> str:
        """Whether our encoder makes the same bytes of it: then equal meaning is equal bytes."""
        try:
            same = protobuf.encode(protobuf.decode(raw, schema()), schema()) == raw
        except (protobuf.DecodeError, protobuf.EncodeError):
            return " of an unknown kind"
        return "" if same else " unlike ours"

    @staticmethod
    def _lines(raw: bytes, found: Any) -> tuple[Any, str]:
        """The form tells that equal values are equal bytes."""
        text = raw.decode("utf-8", "replace")
        end = "newline" if text.endswith("\n") else "no newline"
        return found, f"json, {end}, {forms.form(text.removesuffix(chr(10)), found)}"

    def learn(self, found: Any) -> None:
        """Note whose uids there are, and which names were made up."""
        if isinstance(found, list):
            for item in found:
                self.learn(item)
        elif isinstance(found, dict):
            meta = found.get("metadata")
            if isinstance(meta, dict) and isinstance(meta.get("uid"), str):
                self._learn_object(found, meta)
            for key, item in found.items():
                if key not in ("managedFields", "spec", "data") and isinstance(item, (dict, list)):
                    self.learn(item)

    def _learn_object(self, found: dict[str, Any], meta: dict[str, Any]) -> None:
        name, prefix = str(meta.get("name", "")), meta.get("generateName")
        template = (meta.get("labels") or {}).get("pod-template-hash")
        if isinstance(template, str) and template not in self.said:
            self.names.setdefault(template, "<hash>")
        if isinstance(prefix, str) and prefix and name.startswith(prefix[:58]) and name not in self.said:
            self.names.setdefault(name, f"{self._known(prefix)}<generated>")
        uid = meta["uid"]
        if uid and uid not in self.uids:
            self.uids[uid] = self._known(name)

    def rewrite(self, found: Any, key: str) -> Any:
        """The value in words."""
        if isinstance(found, dict):
            return self._dict(found)
        if isinstance(found, list):
            return [self.rewrite(item, key) for item in found]
        if isinstance(found, str):
            return self._text(found, key)
        if key == "nodePort" and isinstance(found, int) and str(found) not in self.said:
            return "<port>"
        return found

    def _dict(self, found: dict[str, Any]) -> dict[str, Any]:
        if found.keys() == COLUMN:
            wire = len(json.dumps(found["description"], ensure_ascii=False).encode())
            return {**found, "description": f"<{wire} bytes>"}
        out = {self._key(key): self.rewrite(item, key) for key, item in found.items()}
        if isinstance(out.get("managedFields"), list):
            out["managedFields"] = sorted(out["managedFields"], key=chance.by_manager)
        for part in chance.UNORDERED & out.keys():
            if isinstance(out[part], list) and (part != "causes" or chance.by_chance(out)):
                out[part] = sorted(out[part], key=lambda item: json.dumps(item, sort_keys=True))
        for part in ("items", "rows"):
            if isinstance(out.get(part), list) and any(map(chance.made_up, out[part])):
                out[part] = sorted(out[part], key=lambda item: (chance.name_of(item), json.dumps(item, sort_keys=True)))
        if isinstance(out.get("resourceVersion"), str) and isinstance(found.get("uid"), str):
            out["resourceVersion"] = self._version(found)
        return out

    def _uid(self, found: re.Match[str]) -> str:
        """Whose it is."""
        label = self.uids.get(found[0])
        if label is None:
            return found[0] if found[0] in self.said else "<uid>"
        return f"<uid of {label}>"

    def _key(self, key: str) -> str:
        """Keys of managed fields name items of lists, by uid too."""
        if '"uid"' in key:
            key = UID.sub(self._uid, key)
        return self._known(key)

    def _version(self, meta: dict[str, Any]) -> str:
        """Relative to what was seen last, so that one write too many is one difference."""
        seen = self.versions.setdefault(meta["uid"], [])
        version = meta["resourceVersion"]
        if version not in seen:
            seen.append(version)
            return "<new version>"
        back = len(seen) - 1 - seen.index(version)
        return f"<version {back} back>" if back else "<same version>"

    def _text(self, text: str, key: str) -> str:
        if not text:
            return text
        special = self._special(text, key)
        if special:
            return special
        text = UID.sub(self._uid, text)
        text = TIME.sub(lambda found: found[0] if found[0] in self.said else forms.time_of(found), text)
        for pattern, instead in MOMENTARY:
            text = pattern.sub(instead, text)
        text = chance.sorted_reasons(self._known(text))
        return HASH.sub(lambda found: found[0] if found[0] in self.said else "<hash>", text)

    def _special(self, text: str, key: str) -> str:
        """Values that are wholly a matter of the server."""
        if key == "resourceVersion" and text.isdigit() and f'"{text}"' not in self.said:
            return "<version>"
        if key == "continue":
            return self._known(forms.page(text))
        if key == "controller-revision-hash":
            return REVISION.sub("<hash>", text)
        if key == "manager":
            return MANAGERS.get(text, text)
        if key == "serverAddress":
            return "<server>"
        if key == "cells" and AGE.match(text):
            return "<age>"
        if text in self.said:
            return ""
        if ADDRESS.match(text):
            return "<address>"
        if JWT.match(text):
            return forms.claims(text)
        if text.startswith("ZXlK"):
            return f"<in base64: {forms.claims(base64.b64decode(text).decode())}>"
        return "<authority>" if text.startswith(("-----BEGIN CERT", "LS0tLS1CRUdJTiBDRVJU")) else ""

    def _known(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            if name in text:
                text = text.replace(name, self.names[name])
        for prefix in self._prefixes:
            text = prefix.sub(r"\1<generated>", text)
        return text
