"""A bound on the size of request bodies.

FastAPI has one of its own, which answers in plain text whatever the application's error handlers are.
"""

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES = 1 << 30
LINGER_S = 30.0
"""How much and for how long a client that is refused may go on sending.

Most clients look at the answer only when they have sent everything; closing the connection on them would reset it, and
they would never learn why.
"""


class BodyLimit:
    """ASGI middleware that ends a request whose body is larger than allowed.

    The application sees an HTTPException 413 while it reads the body, and answers it like any other; what the client
    still sends is thrown away.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        received = 0
        refused = False

        async def receive_within_limit() -> Message:
            nonlocal received, refused
            if not (announced.isdecimal() and int(announced) > self.max_bytes):
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self.max_bytes:
                    return message
            refused = True
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

        async def send_and_linger(message: Message) -> None:
            if refused and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _discard(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, receive_within_limit, send_and_linger)


async def _discard(receive: Receive) -> None:
    """Reads the rest of a body within the bounds of lingering."""
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_S):
            more = True
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
