"""What a cluster, and an open watch, hold in memory: the growth of a process's resident size over many of them.

Run as a module in a process of its own: ``python -m benchmarks.memory PROFILE CLUSTERS WATCHES`` prints bytes per
cluster of CLUSTERS clusters with WATCHES open watches each, touched as an import touches them: one namespace, one
service account with its token, one deployment.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

CLUSTERS, WATCHES = 150, 12
_PAGE = 4096


def measure(profile: Path, clusters: int, watches: int) -> float:
    """Bytes per cluster, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", str(profile), str(clusters), str(watches)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _per_cluster(profile: str, clusters: int, watches: int) -> float:
    from benchmarks.inside import Inside
    from benchmarks.questions import deployment
    from scale_agent.cluster.profile import load
    from scale_agent.cluster.runtime import ManualRuntime

    loaded, runtime = load(profile), ManualRuntime()
    objects = (
        ("/api/v1/namespaces", {"metadata": {"name": "cattle-system"}}),
        ("/api/v1/namespaces/cattle-system/serviceaccounts", {"metadata": {"name": "cattle"}}),
        ("/apis/apps/v1/namespaces/cattle-system/deployments", deployment("cattle-cluster-agent")),
    )

    def make(number: int) -> tuple[Inside, list[object]]:
        server = Inside(runtime, loaded, f"cluster-{number}")
        for path, obj in objects:
            server.ask("POST", path, json.dumps(obj).encode())
        version = server.api.core.store.rv
        opened = [server.ask("GET", f"/api/v1/configmaps?watch=true&resourceVersion={version}") for _ in range(watches)]
        return server, list(opened)

    kept = [make(number) for number in range(30)]  # what is loaded and compiled once
    before = _resident_bytes()
    kept += [make(number) for number in range(30, 30 + clusters)]
    return (_resident_bytes() - before) / clusters


if __name__ == "__main__":
    sys.stdout.write(f"{_per_cluster(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])):.0f}\n")
