"""The recorded requests of three Rancher versions, played against our API server."""
