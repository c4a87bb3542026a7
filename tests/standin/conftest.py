"""A stand-in without sockets: its REST service on a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.names import Names
from scale_agent.standin.rest.calls import Answer, Call, parse_query
from scale_agent.standin.rest.dispatch import answer
from scale_agent.standin.rest.service import Service, Settings
from scale_agent.standin.tokens import Tokens

URL = "https://127.0.0.1:8443"
CA = "-----BEGIN CERTIFICATE-----\n(shortened)\n-----END CERTIFICATE-----\n"


@dataclass
class Rest:
    """Calls on a service as a client would make them."""

    service: Service
    now: float = 1_795_252_436.0
    deleted: list[str] = field(default_factory=list)
    bearer: str = ""

    def call(self, method: str, target: str, body: Any = None, *, token: str | None = None) -> Answer:
        path, _, query = target.partition("?")
        headers = {"authorization": f"Bearer {self.bearer if token is None else token}"}
        return answer(
            self.service,
            Call(method, path, parse_query(query), headers, json.dumps(body).encode() if body is not None else b""),
        )

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def cluster(self, name: str) -> Cluster:
        found = self.service.registry.named(name)
        assert found is not None
        return found


MakeRest = Callable[..., Rest]


@pytest.fixture
def make_rest() -> MakeRest:
    def make(version: str = "2.15.0", server_url: str = URL) -> Rest:
        names = Names("tests")
        tokens = Tokens(names)
        settings = Settings(version, URL, server_url, CA, "admin", "adminadminadmin")
        rest: Rest

        def delete(cluster: Cluster) -> None:
            cluster.removed_s = rest.now
            rest.deleted.append(cluster.name)

        service = Service(
            settings, Registry(names), tokens, names, lambda: rest.now, delete, lambda cluster: None, dict
        )
        rest = Rest(service, bearer=tokens.make(0.0, 0.0).bearer)
        return rest

    return make


@pytest.fixture
def rest(make_rest: MakeRest) -> Rest:
    return make_rest()
