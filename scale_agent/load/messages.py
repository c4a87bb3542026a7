"""Messages between the master and its workers, beside the records (:mod:`scale_agent.load.sinks`)."""

from __future__ import annotations

from typing import Final

#: master → workers: begin no new cluster, tell when the last creation has ended. Data: none.
CLOSE: Final = "scale-agent-close"
#: worker → master: nothing is being created any more and everything measured was shipped.
CLOSED: Final = "scale-agent-closed"
#: master → workers: Rancher has forgotten the clusters (or shall keep them): end the simulated ones.
RELEASE: Final = "scale-agent-release"
#: worker → master: the simulated clusters have ended, and the last records were shipped.
RELEASED: Final = "scale-agent-released"
#: worker → master: this worker cannot take part. Data: one line that says why.
REFUSED: Final = "scale-agent-refused"
#: Key in the workers' reports: what waiting for active cost.
FEED_COSTS: Final = "scale_agent_feed"
