"""One simulated downstream cluster: its contents, its identity, its agent's life, its transport (gevent)."""
