"""The port: sockets, HTTP, the handshake and the method table."""
