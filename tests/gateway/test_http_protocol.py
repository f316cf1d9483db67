"""What the gateway takes for HTTP on a connection: the parser of another make that its server has would fail these."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request

from gateway.server import http_server

HEAD = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """A server that tells what it was sent."""
    app = FastAPI()
    app.state.closing = asyncio.Event()

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, object]:
        body = await request.body()
        return {"bytes": len(body)}

    async with http_server(app, "127.0.0.1:0") as bound:
        host, _, port = bound.rpartition(":")
        yield host, int(port)


async def said(address: tuple[str, int], request: bytes) -> bytes:
    """What the server answers, until it closes or is silent."""
    reader, writer = await asyncio.open_connection(*address)
    answer = b""
    try:
        writer.write(request)
        while chunk := await asyncio.wait_for(reader.read(1 << 16), 0.3):
            answer += chunk
    except TimeoutError:
        pass  # it keeps the connection open
    finally:
        writer.close()
    return answer


async def test_requests_in_a_row_are_answered_in_turn(address):
    one, two = HEAD + b"Content-Length: 1\r\n\r\na", HEAD + b"Content-Length: 2\r\n\r\nab"
    answer = await said(address, one + two + one)
    assert re.findall(rb'{"bytes":(.)}', answer) == [b"1", b"2", b"1"]


async def test_who_would_rather_speak_http_2_is_answered_in_http_1(address):
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    request = HEAD + upgrade + b"Content-Length: 2\r\n\r\nab"
    answer = await said(address, request)
    assert b'{"bytes":2' in answer


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="length twice"),
        pytest.param(HEAD + b"Content-Length: +1\r\n\r\na", id="signed length"),
        pytest.param(HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="unknown coding"),
        pytest.param(HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n", id="NUL in a value"),
        pytest.param(HEAD + b"X A: a\r\nContent-Length: 0\r\n\r\n", id="space in a name"),
        pytest.param(b"POST /echo\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
    ],
)
async def test_what_two_servers_might_read_differently_is_refused(address, request_):
    answer = await said(address, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"bytes" not in answer
