"""``extends``: one profile laid over another. Mappings are merged field by field; lists and values are replaced."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from scale_agent.cluster.profiles import older
from scale_agent.cluster.yaml_place import Place, parse
from scale_agent.errors import ProfileError

_FIELD = "extends"


@dataclass(frozen=True, slots=True)
class Document:
    """A profile's document with all that it inherits. ``digest`` is of the texts of all its files."""

    place: Place
    digest: str


def read_text(path: Path) -> str:
    """A file's text. Raises :class:`ProfileError`."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ProfileError("not text in UTF-8", where=str(path), cure="save it as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ProfileError(what, where=str(path), cure="name a profile file, such as profiles/small.yaml") from None


def document(text: str, file: str) -> Document:
    """The document of ``text``, which is the content of ``file``. Raises :class:`ProfileError`."""
    texts: list[str] = []
    place = _laid(text, file, [], texts)
    return Document(place, hashlib.sha256("\0".join(texts).encode()).hexdigest())


def _laid(text: str, file: str, chain: list[str], texts: list[str]) -> Place:
    """The document over its base; ``chain`` are the files that led here, ``texts`` what was read."""
    texts.append(text)
    place = parse(text, file)
    extends = place.member(_FIELD)
    if extends is None:
        return place
    base = Path(file).parent / extends.text(r"[^\0]+", "write a file's name, such as small.yaml")
    chain = [*chain, file]
    if base.resolve() in [Path(one).resolve() for one in chain]:
        extends.fail(f"extends itself: {' → '.join([*chain, str(base)])}", "extend another file, or none")
    inherited = _laid(_base_text(extends, base), str(base), chain, texts)
    if older.is_older(inherited):
        extends.fail(f"{base} is a cluster.yaml of the older format", "extend a profile")
    return place.over(inherited)


def _base_text(extends: Place, base: Path) -> str:
    try:
        return read_text(base)
    except ProfileError as error:
        extends.fail(f"{base} {error.what}", "name a profile; the path is relative to this file")
