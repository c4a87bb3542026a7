"""Answers and bodies of the Kubernetes API as JSON values, whatever their encoding on the wire."""

from __future__ import annotations

from typing import Any


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """The object in a protobuf body that starts with ``k8s\\0``."""
    raise NotImplementedError


