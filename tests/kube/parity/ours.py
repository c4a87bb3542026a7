"""Our API server as the scripts' other end, in this process, with a clock that only waiting moves."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from scale_agent.kube.http import Request, Response, Watch
from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.users import ANONYMOUS, AUTHENTICATED, MASTERS, User
from tests.kube.parity.answers import CRASHED, Answer, kept
from tests.kube.parity.play import VERSION, Sent
from tests.kube.parity.streams import whole
from tests.kube.testbed import FixedIdentity

#: Whoever has the token that the recorder uses.
ADMIN = User("admin", (MASTERS, AUTHENTICATED), "admin")
START_S = 1_800_000_000.0
#: A request takes this long; a wait looks again after a while, and gives up at last.
REQUEST_S, LOOK_S, PATIENCE_S = 0.005, 0.5, 60.0
#: What the recorded control plane did not have.
ABSENT = ("kubelet", "kube-scheduler", "provisioner", "node-heartbeat")
#: Long enough for our server to forget every event.
FORGET_S = 700.0


@cache
def _empty() -> Snapshot:
    return Snapshot.build([], version=VERSION, now=START_S - 3600, without=ABSENT)


class Ours:
    """One new cluster: no nodes, no objects but those that every cluster has."""

    def __init__(self) -> None:
        self.api = ApiServer(_empty(), FixedIdentity(), rbac=True)
        self.api.gate.tokens.register("admintoken", ADMIN)
        self.now_s = START_S
        self.watches: dict[str, Watch] = {}

    def ask(self, sent: Sent) -> Answer:
        """One request; a watch is read until it ends by itself."""
        try:
            answer = self._handle(sent)
            self.advance(REQUEST_S)
        except Exception:  # noqa: BLE001  told, request by request: a server never crashes
            return Answer(CRASHED, (), traceback.format_exc().encode())
        if isinstance(answer, Response):
            body = b"" if sent.method == "HEAD" else answer.body  # as the transport leaves it out
            return Answer(answer.status, kept(answer.headers), body)
        read, end_s = bytearray(), self.now_s + PATIENCE_S
        while not answer.ended and self.now_s < end_s:
            read += drain(answer)
            self.advance(LOOK_S)
        read += drain(answer)
        answer.close()
        return Answer(answer.status, kept(answer.headers), bytes(read))

    def _handle(self, sent: Sent) -> Response | Watch:
        headers, user = dict(sent.headers), ADMIN
        if sent.token:
            headers["authorization"] = f"Bearer {sent.token}"
        elif sent.token is not None:
            user = ANONYMOUS
        return self.api.handle(
            Request(sent.method, unquote(sent.path), sent.query, headers, sent.body, user), self.now_s
        )

    def advance(self, seconds: float) -> None:
        """Let time pass, doing everything when it is due."""
        end_s = self.now_s + seconds
        while (due := self.api.advance(self.now_s)) is not None and due <= end_s:
            self.now_s = max(due, self.now_s)
        self.now_s = end_s
        self.api.advance(end_s)

    def open(self, name: str, sent: Sent) -> Answer:
        """Start a watch."""
        answer = self._handle(sent)
        if isinstance(answer, Response):
            return Answer(answer.status, kept(answer.headers), answer.body)
        self.watches[name] = answer
        return Answer(answer.status, kept(answer.headers))

    def events(self, name: str, count: int) -> bytes:
        """What it has to say; a little later too, if that is too little."""
        if name not in self.watches:
            return b""
        running, body = self.watches[name], bytearray()
        more = self.patience()
        while True:
            body += drain(running)
            if whole(body) >= count or running.ended or not more():
                return bytes(body)

    def patience(self) -> Callable[[], bool]:
        """A minute in half seconds."""
        end_s = self.now_s + PATIENCE_S

        def more() -> bool:
            self.advance(LOOK_S)
            return self.now_s < end_s

        return more

    def rest(self) -> bool:
        """They are, after every request."""
        return False

    def compact(self) -> None:
        """Wait until everything is too old."""
        self.advance(FORGET_S)

    def enter(self, namespace: str) -> None:
        """Furnished at once."""
        body = b'{"metadata":{"name":"%s"}}' % namespace.encode()
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "parity/1"}
        self.api.handle(Request("POST", "/api/v1/namespaces", "", headers, body, ADMIN), self.now_s)
        self.advance(1)

    def leave(self, namespace: str) -> None:
        """The cluster is thrown away."""
        for running in self.watches.values():
            running.close()


def drain(running: Watch) -> bytes:
    """Everything that is due now."""
    body = bytearray()
    while chunk := running.read(1 << 20):
        body += chunk
    return bytes(body)
