"""Sizes and times both ends of a channel agree on."""

MAX_SCORE_BYTES = 64 * 1024 * 1024
"""Largest serialized Score in a message. All other large content travels in chunks."""

MAX_MESSAGE_BYTES = MAX_SCORE_BYTES + 1024 * 1024
"""Largest gRPC message: a Score at its limit and what is said beside it."""

MAX_CHUNK_BYTES = 1024 * 1024
"""Largest chunk of a file in a message."""

KEEPALIVE_SECONDS = 30
"""Idle time after which an end of a connection pings the other."""

KEEPALIVE_TIMEOUT_SECONDS = 10
"""Time without an answer to a ping after which the connection is given up."""
