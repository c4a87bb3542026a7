"""The same requests to a real API server, once, and to ours, each time: what is not equal is known by name."""
