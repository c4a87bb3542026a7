"""A Kubernetes API server without I/O: requests in, bytes or watches out."""
