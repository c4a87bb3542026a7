"""A real API server as the scripts' other end: HTTPS with an administrator's token, and tidy afterwards."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import yaml

from tests.kube.parity.answers import Answer, kept
from tests.kube.parity.play import AGENT, Sent
from tests.kube.parity.streams import whole

REQUEST_S, PATIENCE_S, LOOK_S = 70.0, 60.0, 0.1
#: After the events that were asked for: time for those that should not come.
GRACE_S = 0.3
#: Controllers that have written nothing for so long have written all.
REST_S = 0.5
JSON = {"accept": "application/json", "content-type": "application/json", "user-agent": AGENT}


class Real:
    """``forget_s``: after that time the server has forgotten a version (twice its ``--etcd-compaction-interval``)."""

    def __init__(self, kubeconfig: Path, forget_s: float) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        self.address = str(urlsplit(config["clusters"][0]["cluster"]["server"]).netloc)
        self.token = str(config["users"][0]["user"]["token"])
        self.forget_s = forget_s
        self.context = ssl._create_unverified_context()
        self.connection = self._connect()
        self.live: dict[str, Live] = {}
        self.made: list[str] = []

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.address, context=self.context, timeout=REQUEST_S)

    def _send(self, connection: http.client.HTTPSConnection, sent: Sent) -> http.client.HTTPResponse:
        token = self.token if sent.token is None else sent.token
        headers = {**sent.headers, **({"authorization": f"Bearer {token}"} if token else {})}
        target = quote(sent.path, safe="/:~!$&'()*+,;=@%") + (f"?{sent.query}" if sent.query else "")
        connection.putrequest(sent.method, target, skip_accept_encoding=True)
        for name, text in headers.items():
            connection.putheader(name, text)
        if sent.body or sent.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(sent.body)))
        connection.endheaders(sent.body or None)
        return connection.getresponse()

    def ask(self, sent: Sent) -> Answer:
        """One request; broken connections (too large bodies) are made anew."""
        try:
            response = self._send(self.connection, sent)
            answer = Answer(response.status, kept(response.getheaders()), response.read())
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = self._connect()
            response = self._send(self.connection, sent)
            answer = Answer(response.status, kept(response.getheaders()), response.read())
        if answer.status == 201:
            self._made(sent, answer)
        return answer

    def _made(self, sent: Sent, answer: Answer) -> None:
        if "dryRun" in sent.query:
            return
        path = sent.path
        if sent.method == "POST":
            try:
                name = json.loads(answer.body)["metadata"]["name"]
            except (ValueError, KeyError, TypeError):
                return
            path = f"{path}/{name}"
        self.made.append(path)

    def plain(self, method: str, path: str, body: object = None, media: str = "application/json") -> Answer:
        """A request of the recorder's own."""
        data = b"" if body is None else json.dumps(body).encode()
        return self.ask(Sent(method, path, "", {**JSON, "content-type": media}, data, None))

    def open(self, name: str, sent: Sent) -> Answer:
        """Start a watch on a connection of its own."""
        connection = self._connect()
        response = self._send(connection, sent)
        headers = kept(response.getheaders())
        if response.status != 200:
            return Answer(response.status, headers, response.read())
        self.live[name] = Live(connection, response)
        return Answer(response.status, headers)

    def events(self, name: str, count: int) -> bytes:
        """Wait for them, and a little for more."""
        running = self.live[name]
        deadline_s = time.monotonic() + PATIENCE_S / 4
        while running.count() < count and not running.done and time.monotonic() < deadline_s:
            time.sleep(LOOK_S / 5)
        time.sleep(GRACE_S)
        return running.take()

    def patience(self) -> Callable[[], bool]:
        """A minute in tenths of a second."""
        deadline_s = time.monotonic() + PATIENCE_S

        def more() -> bool:
            time.sleep(LOOK_S)
            return time.monotonic() < deadline_s

        return more

    def rest(self) -> bool:
        """They work on while we look."""
        time.sleep(REST_S)
        return True

    def compact(self) -> None:
        """Wait until it has."""
        time.sleep(self.forget_s)

    def enter(self, namespace: str) -> None:
        """Wait for an older one's end, make it, wait for its account and its authority."""
        path = f"/api/v1/namespaces/{namespace}"
        self.until(lambda: self.plain("GET", path).status == 404, f"{namespace} gone")
        self.plain("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        for part in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
            self.until(lambda part=part: self.plain("GET", f"{path}/{part}").status == 200, part)  # type: ignore[misc]

    def leave(self, namespace: str) -> None:
        """Take away what was made: finalizers first, the newest first, the namespace last."""
        for running in self.live.values():
            running.close()
        self.live.clear()
        inside = f"/namespaces/{namespace}/" if namespace else "\0"
        for path in reversed(self.made):
            free = {"metadata": {"finalizers": None}}
            if "/namespaces/" in path and inside in path:
                found = self.plain("GET", path)
                if found.status == 200 and b'"finalizers"' in found.body:
                    self.plain("PATCH", path, free, "application/merge-patch+json")
                continue
            if self.plain("DELETE", path).status == 200 and self.plain("GET", path).status == 200:
                self.plain("PATCH", path, free, "application/merge-patch+json")
        self.made.clear()
        if namespace:
            self.plain("DELETE", f"/api/v1/namespaces/{namespace}")

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Poll. Raises ``TimeoutError``."""
        more = self.patience()
        while not done():
            if not more():
                raise TimeoutError(what)


class Live:
    """A watch that a thread reads."""

    def __init__(self, connection: http.client.HTTPSConnection, response: http.client.HTTPResponse) -> None:
        self.connection, self.response = connection, response
        self.done = False
        self._data = bytearray()
        self._taken = 0
        self._lock = threading.Lock()
        self.socket = connection.sock
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while chunk := self.response.read1(65536):
                with self._lock:
                    self._data += chunk
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed by us
        self.done = True

    def count(self) -> int:
        """Whole events since the last look."""
        with self._lock:
            return whole(self._data[self._taken :])

    def take(self) -> bytes:
        """What came since the last look."""
        with self._lock:
            out = bytes(self._data[self._taken :])
            self._taken = len(self._data)
            return out

    def close(self) -> None:
        """End it from this side."""
        if self.socket is not None:
            self.socket.close()
