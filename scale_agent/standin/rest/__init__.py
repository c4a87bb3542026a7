"""Rancher's REST as far as a client that imports clusters needs it: routes as tables, bodies as recorded."""
