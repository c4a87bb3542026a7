"""remotedialer, TLS over memory buffers and HTTP/1.1, all without I/O: bytes in, events out."""
