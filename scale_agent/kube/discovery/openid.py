"""The issuer of service-account tokens: its keys and where they are."""

from __future__ import annotations

import orjson

from scale_agent.kube import status
from scale_agent.kube.access import keys
from scale_agent.kube.access.tokens import ISSUER
from scale_agent.kube.core import Core
from scale_agent.kube.http import Request, Response

_CACHE = ("Cache-Control", "public, max-age=3600")
KEYS_TYPE, CONFIGURATION_TYPE = "application/jwk-set+json", "application/json"


def _answer(request: Request, media: str, document: object) -> Response:
    if request.method != "GET":
        raise status.method_not_allowed()
    names = {clause.partition(";")[0].strip() for clause in (request.headers.get("accept") or "*/*").split(",")}
    if not names & {"*/*", media}:
        raise status.not_acceptable((media,))
    return Response(200, (_CACHE, ("Content-Type", media)), orjson.dumps(document))


def key_set(core: Core, request: Request) -> Response:
    """``/openid/v1/jwks``."""
    return _answer(request, KEYS_TYPE, keys.key_set())


def configuration(core: Core, request: Request) -> Response:
    """``/.well-known/openid-configuration``; the address is the one that clients of the cluster see."""
    document = {
        "issuer": ISSUER,
        "jwks_uri": "https://127.0.0.1:6443/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
    }
    return _answer(request, CONFIGURATION_TYPE, document)
