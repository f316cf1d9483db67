"""A job's events as server-sent events (HTML Living Standard, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from etude.client import AsyncEtudeClient
from etude.client.json_form import error_to_json, to_json
from etude.client.names import short_name
from etude.job.v1 import job_pb2, job_service_pb2
from etude.mesh.errors import EtudeError
from gateway.errors import envelope

T = TypeVar("T")

RETRY_MS = 1000
"""How soon a browser should connect again."""


def server_sent_event(name: str, data: Mapping[str, Any], *, sequence: int | None = None) -> bytes:
    """One event on the wire; JSON without line breaks needs a single data line."""
    identity = "" if sequence is None else f"id: {sequence}\n"
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{identity}event: {name}\ndata: {text}\n\n".encode()


async def event_stream(
    client: AsyncEtudeClient, job_id: str, after_sequence: int, heartbeat_s: float, closing: asyncio.Event
) -> AsyncIterator[bytes]:
    """The events of a job after a sequence number, comments for heartbeats, and an `end` event when it is at rest.

    An `end` event carries the job, so that a page need not ask again. A failure on the way is a `failure` event with
    the envelope every other failure has. When the gateway is `closing`, the stream breaks off, and a browser connects
    again where it stopped.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    try:
        news = client.watch_news(job_id, after_sequence=after_sequence, heartbeat_s=heartbeat_s)
        async with aclosing(news):
            async for event in _until(closing, news):
                if isinstance(event, job_service_pb2.Heartbeat):
                    yield b": heartbeat\n\n"
                    continue
                name = short_name(job_pb2.JobEventKind, event.kind).lower()
                yield server_sent_event(name, to_json(event), sequence=event.sequence)
        if closing.is_set():
            return
        yield server_sent_event("end", to_json(await client.get_job(job_id)))
    except EtudeError as error:
        yield server_sent_event("failure", envelope(error_to_json(error)))


async def _until(stop: asyncio.Event, items: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """The items up to the moment something else happens."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            upcoming = asyncio.ensure_future(anext(items))
            try:
                await asyncio.wait({upcoming, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not upcoming.done():
                    return
                yield upcoming.result()
            except StopAsyncIteration:
                return
            finally:
                if not upcoming.done():
                    upcoming.cancel()
                    await asyncio.wait({upcoming})
    finally:
        stopped.cancel()
