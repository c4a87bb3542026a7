"""The objects that a new cluster holds before anyone acts: roles, bindings, API services, flow schemas, namespaces.

They are a real new cluster's, kept as data, with the managed fields that its API server and controllers write; uids,
resource versions and creation times are left out for the caller to fill in.
"""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.schema.schema import DEFAULT_VERSION

_TIME = b'"@time"'
_CERTIFICATE = b'"@ca"'
#: The server that the data is of had its programs under short names; their writes carry the real ones' here.
_MANAGERS = (
    (b'"manager":"kcm"', b'"manager":"kube-controller-manager"'),
    (b'"manager":"apiserver"', b'"manager":"kube-apiserver"'),
)
#: What stands in times that the caller does not give.
UNDATED = "1970-01-01T00:00:00Z"


def objects(version: str = DEFAULT_VERSION, *, time: str = UNDATED, ca_pem: str = "") -> list[dict[str, Any]]:
    """Fresh copies of the bootstrap objects, sorted by apiVersion, kind, namespace and name.

    ``time`` (RFC 3339, whole seconds, UTC) goes into managed fields and conditions, ``ca_pem`` into the ConfigMaps
    ``kube-root-ca.crt``. Raises ``FileNotFoundError`` for a version without data.
    """
    text = data_files.read(version, "bootstrap.json")
    for short, name in _MANAGERS:
        text = text.replace(short, name)
    made: list[dict[str, Any]] = orjson.loads(
        text.replace(_TIME, orjson.dumps(time)).replace(_CERTIFICATE, orjson.dumps(ca_pem))
    )
    return made
