"""Asks a real API server once, and keeps its answers.

python -m tests.kube.parity.record KUBECONFIG [--forget SECONDS] [--all] [THEME[/SCRIPT] ...]

Without ``--all``, only what was never asked or has changed since. The control plane should be a new one, with a
controller manager, without a kubelet; what scripts make is removed again. ``--forget``: two and a half times the
server's ``--etcd-compaction-interval``, which may be short for this.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.kube.parity import answers, corpus
from tests.kube.parity.answers import Recorded
from tests.kube.parity.play import Player
from tests.kube.parity.real import Real

#: For the interval of five minutes that servers have when nothing else is said.
FORGET_S = 750.0


def main() -> None:
    """Record what is missing or asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--forget", type=float, default=FORGET_S)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("what", nargs="*")
    chosen = parser.parse_intermixed_args()
    server = Real(chosen.kubeconfig, chosen.forget)
    for theme in corpus.themes():
        wanted = {one.partition("/")[2] for one in chosen.what if one.partition("/")[0] == theme}
        if wanted or not chosen.what:
            record(server, theme, wanted - {""}, everything=chosen.all)


def record(server: Real, theme: str, wanted: set[str], *, everything: bool) -> None:
    """Run a theme's scripts that need it, and keep what they were answered."""
    old = answers.load(theme)
    new: dict[str, Recorded] = {}
    for one in corpus.scripts(theme):
        digest = one.digest()
        fresh = one.name in old and old[one.name].digest == digest and not everything
        if (wanted and one.name not in wanted) or (fresh and not wanted):
            if one.name in old:
                new[one.name] = old[one.name]
            continue
        started_s = time.monotonic()
        found = Player(server, one, corpus.namespace(theme, one)).run()
        new[one.name] = Recorded(digest, tuple(found))
        codes = dict(sorted(Counter(answer.status for answer in found).items()))
        answers.save(theme, {**old, **new})
        sys.stderr.write(f"{theme}/{one.name}: {len(found)} in {time.monotonic() - started_s:.1f} s {codes}\n")
    answers.save(theme, new)


if __name__ == "__main__":
    main()
