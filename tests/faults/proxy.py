"""A TCP proxy that makes a network slow and lossy: it delays what it passes on, and now and then cuts connections.

In a process of its own, so that whoever starts and kills servers need not serve it:

    python -m tests.faults.proxy SEED LISTEN=HOST:PORT ...      ports of 127.0.0.1, each before one server

On the level of TCP a lost packet is a pause of a retransmission (0.2 s and more); what does not arrive in the end is a
connection that is reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

DELAY_S = 0.01
LOSS = 0.02
LOSS_S = 0.25
CUT_EVERY_BYTES = 2_000_000


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: random.Random) -> None:
    while data := await reader.read(16_384):
        await asyncio.sleep(rng.uniform(0, 2 * DELAY_S) + (LOSS_S if rng.random() < LOSS else 0))
        if rng.random() < len(data) / CUT_EVERY_BYTES:
            writer.transport.abort()
            return
        writer.write(data)
        await writer.drain()
    writer.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str, rng: random.Random) -> None:
    host, _, port = to.rpartition(":")
    try:
        there, back = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.transport.abort()
        return
    pumps = [asyncio.create_task(pump(reader, back, rng)), asyncio.create_task(pump(there, writer, rng))]
    try:
        # One direction that is cut takes the other along.
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in pumps:
            each.cancel()
        results = await asyncio.gather(*pumps, return_exceptions=True)
        for each in (writer, back):
            each.transport.abort()
        broken = [each for each in results if isinstance(each, Exception) and not isinstance(each, OSError)]
        if broken:
            raise broken[0]


async def main(seed: int, routes: list[str]) -> None:
    rng = random.Random(seed)
    async with contextlib.AsyncExitStack() as stack:
        for route in routes:
            port, _, to = route.partition("=")
            server = await asyncio.start_server(
                lambda reader, writer, to=to: pass_on(reader, writer, to, rng), "127.0.0.1", int(port)
            )
            await stack.enter_async_context(server)
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
