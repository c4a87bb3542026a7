"""That the measurements over real websockets run: everything connects, is answered, and nobody sees an error."""

from __future__ import annotations

from benchmarks import tunnelled


def test_requests_and_changes_have_a_cost() -> None:
    assert tunnelled.get_us(20, 1)[0] > 0
    costs = tunnelled.event_costs(20, 1)
    assert costs.whole[0] > costs.change[0] > 0


def test_idle_clusters_are_probed_and_watched() -> None:
    with tunnelled.connected(2) as pair:
        before = pair.cpu_s()
        tunnelled.wait_for(pair, {"ping": 4, "readyz": 4, "watches_opened": 24})
        assert pair.cpu_s() > before
