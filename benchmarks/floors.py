"""The physical floor of each figure: what is left when all of our own code costs nothing.

What the wire asks for stays: encryption outside and inside the tunnel, the handshakes, one system call in and one out.
Those are measured here, on this machine, with the libraries that do the work; the rest is arithmetic, said beside it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.figures import Figure

#: A small answer or event with its headers, and a request, bytes; what an import answers in all, most of it OpenAPI.
_RECORD_BYTES, _IMPORT_BYTES = 500, 5_500_000
#: Of a recorded import.
_REQUESTS, _HANDSHAKES = 320, 97
#: A second at rest: two probes in 15 s (one of them with a connection of its own), a bookmark per watch and minute,
#: a renewal of each watch in 5 to 10 minutes, a ping per tunnel in 5 s, a sync in 30 s.
_PROBES_PER_S, _BOOKMARKS_PER_S, _RENEWALS_PER_S, _FRAMES_PER_S = 2 / 15, 12 / 60, 12 / 450, 4 / 5 + 2 / 30
#: OpenSSL's share of an open outer connection; what the 2 + 13 inner and outer connections and the objects that an
#: import leaves need when nothing is kept twice, bytes.
_OUTER_BYTES, _INNER_BYTES, _OBJECTS_BYTES = 25_000, 700, 20_000
_REPEAT = 2000


def _us(work: Callable[[], object]) -> float:
    """CPU of one call, microseconds: the least of five runs, as a floor should be."""
    found = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(_REPEAT):
            work()
        found.append((time.process_time() - start) / _REPEAT * 1e6)
    return min(found)


def primitives() -> dict[str, float]:
    """Microseconds of CPU: a record sealed and opened, 10 KB sealed, a handshake's arithmetic, a send and a receive."""
    key, nonce = AESGCM(os.urandom(16)), os.urandom(12)
    small, long = os.urandom(_RECORD_BYTES), os.urandom(10_000)
    sealed = key.encrypt(nonce, small, None)
    signer, agreeing = ec.generate_private_key(ec.SECP256R1()), X25519PrivateKey.generate()
    peer = X25519PrivateKey.generate().public_key()
    ours, theirs = socket.socketpair()

    def pass_on() -> None:
        ours.send(small)
        theirs.recv(4096)

    try:
        return {
            "seal": _us(lambda: key.encrypt(nonce, small, None)),
            "open": _us(lambda: key.decrypt(nonce, sealed, None)),
            "seal_10k": _us(lambda: key.encrypt(nonce, long, None)),
            "sign": _us(lambda: signer.sign(small, ec.ECDSA(hashes.SHA256()))),
            "agree": _us(lambda: agreeing.exchange(peer)),
            "calls": _us(pass_on),
        }
    finally:
        ours.close()
        theirs.close()


def floors(found: dict[str, float] | None = None) -> dict[str, Figure]:
    """``floor_…`` for each figure that has one."""
    one = found or primitives()
    both_ways = 2 * one["open"] + 2 * one["seal"] + one["calls"]
    event = 2 * one["seal"] + one["calls"] / 2
    handshake = one["sign"] + one["agree"] + both_ways
    import_us = _HANDSHAKES * handshake + _REQUESTS * both_ways + 2 * _IMPORT_BYTES / 10_000 * one["seal_10k"]
    idle_us = (
        _PROBES_PER_S * 2 * both_ways
        + _BOOKMARKS_PER_S * event
        + _RENEWALS_PER_S * both_ways
        + _FRAMES_PER_S * (one["seal"] + one["calls"] / 2)
    )
    values = {
        "memory_per_cluster_bytes": (2 * _OUTER_BYTES + 13 * _INNER_BYTES + _OBJECTS_BYTES, "B"),
        "idle_cpu_ms_per_s": (idle_us / 1000, "ms/s"),
        "import_cpu_ms": (import_us / 1000, "ms"),
        "get_cpu_us": (both_ways, "µs"),
        "event_cpu_us": (event, "µs"),
        "storm_s": (5.0, "s"),
    }
    return {f"floor_{name}": Figure.of([value], unit) for name, (value, unit) in values.items()}


#: How each was calculated, for the page.
HOW = {
    "memory_per_cluster_bytes": "two OpenSSL sessions outside (25 KB each), keys and counters of thirteen inside, "
    "the objects that an import leaves",
    "idle_cpu_ms_per_s": "encryption and system calls of its probes, bookmarks, renewals, pings and syncs",
    "import_cpu_ms": "97 handshakes (a signature and a key agreement each), 320 requests, 5.5 MB encrypted twice",
    "get_cpu_us": "decrypt twice, encrypt twice, one receive, one send",
    "event_cpu_us": "encrypt twice, one send",
    "storm_s": "the main tunnel comes back 10 s after the cut, 5 s after the first retry",
    "ramp_clusters_per_s": "both cores over the CPU of an import on both sides",
    "probe_p99_ms": "the longest piece of work that cannot be interrupted",
    "loop_lag_p99_ms": "the longest piece of work that cannot be interrupted",
}
