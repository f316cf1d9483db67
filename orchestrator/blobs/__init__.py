"""Where the bytes of artifacts lie: a port, and the adapters behind it."""
