"""The state feed against a scripted client: subscription, catching up, falling back, coming back; no sleeping."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from scale_agent.errors import DialError, RancherError, RemoteProtocolError
from scale_agent.rancher import Call, ClusterState, RancherClient, StateFeed, TlsPolicy
from scale_agent.rancher.credentials import Credentials
from scale_agent.rancher.events import EventKind, parse
from scale_agent.rancher.feed import FeedTimes
from scale_agent.rancher.lists import CLUSTER_FIELDS, ClusterList
from scale_agent.rancher.paging import Cost
from scale_agent.rancher.state import from_steve
from scale_agent.rancher.websocket import ClientWebSocket
from tests.rancher.conftest import TOKEN
from tests.rancher.loopback import RawLoopback
from tests.rancher.test_connector import frame, take_frame, upgraded

OURS = {"scale-agent/run": "r1"}
WAIT_S = 5.0
FAST = FeedTimes(poll_s=0.0, dial_s=1.0, retry_s=0.0, retry_limit_s=0.0)


def item(cluster_id: str, state: str = "pending", version: int = 1, labels: dict[str, str] | None = None) -> Any:
    metadata = {"labels": OURS if labels is None else labels, "resourceVersion": str(version), "state": {"name": state}}
    return {"id": cluster_id, "metadata": metadata, "spec": {"displayName": "sim"}}


def message(name: str, data: Any = None) -> bytes:
    return json.dumps({"name": name, "resourceType": "management.cattle.io.cluster", "data": data}).encode()


class Rancher:
    """The server's end of the subscriptions, and what lists answer."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.lists: queue.Queue[Mapping[str, str]] = queue.Queue()
        self.subscriptions: queue.Queue[socket.socket] = queue.Queue()
        self.refuse_subscriptions: DialError | None = None
        self.refuse_lists: RancherError | None = None
        self.refused = threading.Semaphore(0)
        self._sockets: list[socket.socket] = []

    def subscribe(self, fields: tuple[str, ...], timeout_s: float) -> ClientWebSocket:
        assert fields == CLUSTER_FIELDS
        if self.refuse_subscriptions is not None:
            self.refused.release()
            raise self.refuse_subscriptions
        ours, theirs = socket.socketpair()
        theirs.settimeout(WAIT_S)
        self._sockets.append(theirs)
        self.subscriptions.put(theirs)
        return ClientWebSocket(ours)

    def list_clusters(self, labels: Mapping[str, str], call: str = "list") -> ClusterList:
        assert call == "poll"
        self.lists.put(labels)
        if self.refuse_lists is not None:
            raise self.refuse_lists
        return ClusterList([from_steve(one) for one in self.items], Cost(1, 100))

    def accept(self) -> socket.socket:
        """The next subscription, after its first message was read."""
        theirs = self.subscriptions.get(timeout=WAIT_S)
        self.asked(theirs)
        return theirs

    def asked(self, theirs: socket.socket) -> None:
        first, payload = take_frame(theirs)
        assert first == 0x81
        asked = json.loads(payload)
        assert asked == {"resourceType": "management.cattle.io.cluster", "selector": "scale-agent/run=r1"}

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture
def rancher() -> Iterator[Rancher]:
    server = Rancher()
    yield server
    server.close()


@pytest.fixture
def start(rancher: Rancher) -> Iterator[Callable[..., StateFeed]]:
    feeds: list[StateFeed] = []

    def begin(times: FeedTimes = FAST, **more: Any) -> StateFeed:
        feed = StateFeed(rancher, OURS, times=times, **more)
        feeds.append(feed)
        feed.start()
        return feed

    yield begin
    for feed in feeds:
        feed.stop()
        assert feed.mode == "stopped"


def heard(feed: StateFeed, cluster_id: str) -> queue.Queue[ClusterState]:
    news: queue.Queue[ClusterState] = queue.Queue()
    feed.listen(cluster_id, news.put)
    return news


def test_one_subscription_catches_up_follows_and_sees_the_end(
    rancher: Rancher, start: Callable[..., StateFeed]
) -> None:
    rancher.items = [item("c-old")]
    feed = start()
    theirs = rancher.accept()
    old, new = heard(feed, "c-old"), heard(feed, "c-new")
    theirs.sendall(frame(1, message("resource.start")))
    assert old.get(timeout=WAIT_S).state == "pending"
    theirs.sendall(frame(1, message("resource.create", item("c-new"))))
    assert new.get(timeout=WAIT_S).id == "c-new"
    assert feed.mode == "subscription"
    theirs.sendall(frame(1, message("ping")) + frame(9, b"") + frame(1, message("something.new")))
    change = message("resource.change", item("c-new", "active", 2))
    theirs.sendall(frame(1, change[:10], fin=False) + frame(0, change[10:]))
    assert new.get(timeout=WAIT_S).state == "active"
    theirs.sendall(frame(1, message("resource.remove", item("c-new", "active", 3))))
    gone = new.get(timeout=WAIT_S)
    assert gone.removed
    assert feed.state("c-new") is None
    assert [state.id for state in feed.states()] == ["c-old"]
    costs = feed.costs
    assert (costs.mode, costs.requests, costs.events, costs.lost, costs.error) == ("subscription", 2, 3, 0, "")
    assert costs.bytes > 100 + 3 * len(message("ping"))
    assert (feed.requests, feed.bytes) == (costs.requests, costs.bytes)
    assert rancher.lists.qsize() == 1


def test_a_thousand_waiters_cost_what_one_costs(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    rancher.items = [item(f"c-{number}") for number in range(1000)]
    feed = start()
    theirs = rancher.accept()
    news = [heard(feed, f"c-{number}") for number in range(1000)]
    theirs.sendall(frame(1, message("resource.start")))
    for one in news:
        one.get(timeout=WAIT_S)
    assert feed.requests == 2


def test_clusters_of_others_are_not_ours(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    feed = start()
    theirs = rancher.accept()
    news = heard(feed, "c-ours")
    theirs.sendall(frame(1, message("resource.start")))
    theirs.sendall(frame(1, message("resource.change", item("c-other", labels={}))))
    theirs.sendall(frame(1, message("resource.change", item("c-ours"))))
    assert news.get(timeout=WAIT_S).id == "c-ours"
    assert [state.id for state in feed.states()] == ["c-ours"]


def test_stopped_by_rancher_it_subscribes_again_and_lists(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    feed = start()
    theirs = rancher.accept()
    news = heard(feed, "c-meanwhile")
    theirs.sendall(frame(1, message("resource.start")))
    rancher.lists.get(timeout=WAIT_S)
    rancher.items = [item("c-meanwhile")]
    theirs.sendall(frame(1, message("resource.stop")))
    rancher.asked(theirs)
    theirs.sendall(frame(1, message("resource.start")))
    assert news.get(timeout=WAIT_S).id == "c-meanwhile"
    assert feed.costs.lost == 0


@pytest.mark.parametrize(
    "ending",
    [
        b"",
        frame(8, b""),
        frame(1, b"no json"),
        frame(1, b"[]"),
        frame(1, message("resource.change", {})),
        frame(1, message("resource.error", {"error": 'failed to find schema "x" of c-abcde'})),
    ],
)
def test_a_subscription_that_breaks_is_bridged_by_polls(
    ending: bytes, rancher: Rancher, start: Callable[..., StateFeed]
) -> None:
    feed = start()
    theirs = rancher.accept()
    theirs.sendall(frame(1, message("resource.start")))
    rancher.lists.get(timeout=WAIT_S)
    news = heard(feed, "c-meanwhile")
    rancher.items = [item("c-meanwhile")]
    theirs.sendall(ending) if ending else theirs.shutdown(socket.SHUT_RDWR)
    assert news.get(timeout=WAIT_S).id == "c-meanwhile"
    again = rancher.accept()
    assert feed.costs.lost == 1
    assert feed.costs.error
    assert "c-abcde" not in feed.costs.error
    again.sendall(
        frame(1, message("resource.start")) + frame(1, message("resource.change", item("c-meanwhile", "x", 2)))
    )
    assert news.get(timeout=WAIT_S).state == "x"
    assert (feed.mode, feed.costs.error) == ("subscription", "")


def test_without_subscriptions_it_polls_and_sees_removals(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    rancher.refuse_subscriptions = DialError("status", "404", status=404)
    rancher.items = [item("c-one")]
    feed = start()
    news = heard(feed, "c-one")
    assert news.get(timeout=WAIT_S).state == "pending"
    rancher.items = [item("c-one", "active", 2)]
    assert news.get(timeout=WAIT_S).state == "active"
    rancher.items = []
    assert news.get(timeout=WAIT_S).removed
    assert feed.mode == "poll"
    assert feed.costs.lost >= 1


def test_tries_to_subscribe_back_off_by_the_clock(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    now = [0.0]
    rancher.refuse_subscriptions = DialError("refused", "no")
    times = FeedTimes(poll_s=0.0, dial_s=1.0, retry_s=5.0, retry_limit_s=8.0)
    feed = start(times, clock=lambda: now[0])
    lost = []
    for moment in (0.0, 5.0, 13.0, 21.0):
        now[0] = moment
        assert rancher.refused.acquire(timeout=WAIT_S)
        for _ in range(3):
            rancher.lists.get(timeout=WAIT_S)
        lost.append(feed.costs.lost)
        now[0] = moment + 4.9
        for _ in range(3):
            rancher.lists.get(timeout=WAIT_S)
        assert not rancher.refused.acquire(blocking=False)
    assert lost == [1, 2, 3, 4]


def test_polling_survives_refusals(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    rancher.refuse_lists = RancherError("server", "Rancher refused: poll: 503")
    rancher.items = [item("c-one")]
    feed = start(subscribe=False)
    news = heard(feed, "c-one")
    for _ in range(3):
        rancher.lists.get(timeout=WAIT_S)
    assert "503" in feed.costs.error
    rancher.refuse_lists = None
    assert news.get(timeout=WAIT_S).id == "c-one"
    assert rancher.subscriptions.empty()


def test_stop_ends_a_subscription_that_is_silent(rancher: Rancher, start: Callable[..., StateFeed]) -> None:
    feed = start()
    theirs = rancher.accept()
    feed.stop()
    feed.stop()
    assert theirs.recv(1) == b""
    assert feed.mode == "stopped"
    assert feed.costs.lost == 0
    with pytest.raises(RuntimeError, match="started before"):
        feed.start()


def test_the_client_subscribes_with_its_token_and_only_needed_fields(raw: Callable[..., RawLoopback]) -> None:
    heads: queue.Queue[bytes] = queue.Queue()
    server = raw(lambda sock: heads.put(upgraded(sock)))
    calls: list[Call] = []
    client = RancherClient(server.url, Credentials(token=TOKEN), TlsPolicy(), on_call=calls.append)
    client.subscribe(CLUSTER_FIELDS, WAIT_S).shutdown()
    head = heads.get(timeout=WAIT_S).decode()
    assert head.startswith("GET /v1/subscribe?include=metadata.name&include=metadata.labels&")
    assert f"Authorization: Bearer {TOKEN}\r\n" in head
    assert "User-Agent: scale-agent/" in head
    with pytest.raises(DialError):
        RancherClient("http://127.0.0.1:1", Credentials(token=TOKEN), TlsPolicy(), on_call=calls.append).subscribe(
            (), 1
        )
    assert [(call.name, call.status, call.error) for call in calls] == [
        ("subscribe", 101, ""),
        ("subscribe", 0, "refused"),
    ]
    client.close()


def test_messages_that_are_none_are_errors_and_names_we_do_not_know_are_nothing() -> None:
    assert parse(message("resource.unheard-of")) is None
    started = parse(message("resource.start"))
    assert started is not None
    assert started.kind is EventKind.STARTED
    for text in (
        b"",
        b"\xff",
        b"[]",
        b"1",
        b'{"name": []}',
        message("resource.change", 1),
        message("resource.remove", {}),
    ):
        with pytest.raises(RemoteProtocolError):
            parse(text)
