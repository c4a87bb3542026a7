"""What needs no token: ping, certificates, version, the import manifest; and logging in and out."""

from __future__ import annotations

import re

from scale_agent.standin.rest.calls import Answer, Call, Route, route, text
from scale_agent.standin.rest.lists import norman_collection, norman_page
from scale_agent.standin.rest.service import Service, norman_error
from scale_agent.standin.times import milliseconds, rfc3339
from scale_agent.standin.tokens import Token

#: Login tokens live as long as ``auth-user-session-ttl-minutes`` says (protocol section 1.1).
SESSION_S = 960 * 60.0
_IMPORT = re.compile(r"(?P<token>[^_]+)_(?P<cluster>[^.]+)\.yaml$")


def ping(service: Service, call: Call) -> Answer:
    """``pong``."""
    del service, call
    return text(200, "pong")


def root(service: Service, call: Call) -> Answer:
    """The API's root, which agents fetch to check the certificate."""
    del call
    url = service.settings.url
    return Answer(200, {"type": "collection", "links": {"self": f"{url}/"}, "resourceType": "apiRoot", "data": []})


def rancherversion(service: Service, call: Call) -> Answer:
    """Version, as the agent and people read it."""
    del call
    body = service.recorded("rancherversion") | {"Version": f"v{service.settings.version}"}
    return Answer(200, body, "text/plain; charset=utf-8")


def cacerts_text(service: Service, call: Call) -> Answer:
    """The authority's certificate as text."""
    del call
    return text(200, service.settings.cacerts)


_SETTINGS = ("cacerts", "server-url", "server-version", "install-uuid", "agent-tls-mode", "first-login")


def _setting_value(service: Service, name: str) -> str:
    settings = service.settings
    return {
        "cacerts": settings.cacerts.rstrip("\n"),
        "server-url": settings.server_url,
        "server-version": f"v{settings.version}",
        "install-uuid": service.values()["install_uuid"],
        "agent-tls-mode": "strict",
        "first-login": "false",
    }[name]


def setting(service: Service, call: Call) -> Answer:
    """One setting; the others that Rancher has are not known here."""
    name = call.params["name"]
    if name not in _SETTINGS:
        return norman_error(404, "NotFound", f'settings.management.cattle.io "{name}" not found')
    body = service.recorded("cacerts", uuid=name)
    for link in ("remove", "self"):
        body["links"][link] = f"{service.settings.url}/v3/settings/{name}"
    return Answer(200, body | {"id": name, "name": name, "value": _setting_value(service, name)})


def settings(service: Service, call: Call) -> Answer:
    """All settings that are known here."""
    inner = (Call("GET", "", {}, {}, params={"name": name}) for name in _SETTINGS)
    data = [setting(service, one).body for one in inner]
    return norman_collection(service, call, "setting", data, {"limit": 1000, "total": len(data)})


def set_setting(service: Service, call: Call) -> Answer:
    """``server-url`` can be set; nothing else."""
    if call.params["name"] != "server-url":
        return norman_error(403, "Forbidden", f"the stand-in does not set {call.params['name']}")
    service.settings.server_url = str(call.json().get("value", "")).rstrip("/")
    return setting(service, call)


def steve_setting(service: Service, call: Call) -> Answer:
    """The same setting as a ``/v1`` object."""
    answer = setting(service, call)
    if answer.status != 200:
        return answer
    name, url = call.params["name"], service.settings.url
    links = {"self": f"{url}/v1/management.cattle.io.settings/{name}"}
    kept = {"value": answer.body["value"], "default": "", "source": "db", "customized": True}
    return Answer(
        200, {"id": name, "type": "management.cattle.io.setting", "links": links, "metadata": {"name": name}} | kept
    )


def manifest(service: Service, call: Call) -> Answer:
    """The import manifest as text, 400 for a token that is not this cluster's."""
    found = _IMPORT.match(call.params["name"])
    cluster = service.registry.by_token(found["token"]) if found else None
    if found is None or cluster is None or cluster.id != found["cluster"]:
        return text(400, service.recorded("bad_import"), "text/plain")
    values = {"url": service.settings.server_url or service.settings.url}
    return text(200, service.recorded("manifest", cluster, **values), "text/plain")


def login_v1(service: Service, call: Call) -> Answer:
    """``/v1-public/login``; 2.12 answers 503 here (recorded)."""
    if service.settings.version.startswith("2.12"):
        return text(503, "503 Service Unavailable")
    if service.settings.version.startswith("2.10"):
        return text(404, "404 page not found\n")
    body = call.json()
    return _login(service, body.get("type") == "localProvider" and _good(service, body))


def login_v3(service: Service, call: Call) -> Answer:
    """``/v3-public/localProviders/local?action=login``."""
    return _login(service, call.one("action") == "login" and _good(service, call.json()))


def _good(service: Service, body: dict[str, object]) -> bool:
    return (body.get("username"), body.get("password")) == (service.settings.user, service.settings.password)


def _login(service: Service, good: bool) -> Answer:
    if not good:
        return service.answer("login_bad")
    token = service.tokens.make(service.clock(), SESSION_S, "login")
    body = {"baseType": "token", "expiresAt": rfc3339(token.created_s + SESSION_S), "id": token.name}
    return Answer(201, body | {"token": token.bearer, "type": "token"})


def _shown(token: Token) -> dict[str, object]:
    return {
        "baseType": "token",
        "type": "token",
        "id": token.name,
        "name": token.name,
        "description": token.description,
        "created": rfc3339(token.created_s),
        "createdTS": milliseconds(token.created_s),
        "ttl": int(token.ttl_s * 1000),
        "expiresAt": rfc3339(token.created_s + token.ttl_s) if token.ttl_s else "",
        "expired": False,
        "userId": "user-admin",
        "current": False,
    }


def list_tokens(service: Service, call: Call) -> Answer:
    """The user's tokens, without their keys."""
    page, pagination = norman_page(service, call, service.tokens.all(), lambda one: str(one.name))
    return norman_collection(service, call, "token", [_shown(one) for one in page], pagination)


def make_token(service: Service, call: Call) -> Answer:
    """A token that lives ``ttl`` milliseconds, 0 for ever; ``action=logout`` ends the caller's own."""
    if call.one("action") == "logout":
        bearer = call.headers.get("authorization", "").partition(" ")[2]
        service.tokens.drop(bearer.partition(":")[0])
        return text(200, "")
    body = call.json()
    token = service.tokens.make(service.clock(), float(body.get("ttl") or 0) / 1000, str(body.get("description", "")))
    return Answer(201, _shown(token) | {"token": token.bearer})


def drop_token(service: Service, call: Call) -> Answer:
    """204, or 404."""
    if service.tokens.drop(call.params["id"]):
        return text(204, "")
    return norman_error(404, "NotFound", f'tokens.management.cattle.io "{call.params["id"]}" not found')


def users(service: Service, call: Call) -> Answer:
    """The one user."""
    user = {
        "baseType": "user",
        "type": "user",
        "id": "user-admin",
        "username": service.settings.user,
        "enabled": True,
        "me": True,
    }
    return norman_collection(service, call, "user", [user], {"limit": 1000, "total": 1})


def report(service: Service, call: Call) -> Answer:
    """What the stand-in has seen; needs no token, holds no secret."""
    del call
    return Answer(200, service.report())


def _open(method: str, pattern: str, handler: object) -> Route:
    return route(method, pattern, handler, authenticated=False)  # type: ignore[arg-type]


ROUTES = (
    _open("GET", "/ping", ping),
    _open("GET", "/healthz", ping),
    _open("GET", "/", root),
    _open("GET", "/rancherversion", rancherversion),
    _open("GET", "/cacerts", cacerts_text),
    _open("GET", "/v3/settings/(?P<name>cacerts|first-login)", setting),
    _open("GET", "/v3/import/<name>", manifest),
    _open("POST", "/v1-public/login", login_v1),
    _open("POST", "/v3-public/localProviders/local", login_v3),
    _open("GET", "/standin/report", report),
    route("GET", "/v3/settings", settings),
    route("GET", "/v3/settings/<name>", setting),
    route("PUT", "/v3/settings/<name>", set_setting),
    route("GET", "/v1/management.cattle.io.settings/<name>", steve_setting),
    route("GET", "/v3/tokens?", list_tokens),
    route("POST", "/v3/tokens?", make_token),
    route("DELETE", "/v3/tokens/<id>", drop_token),
    route("GET", "/v3/users", users),
)
