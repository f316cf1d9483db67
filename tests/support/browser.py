"""A real browser for tests: Chromium without a window, driven over a pipe by the DevTools protocol."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Escape": 27, "Tab": 9}


class Page:
    """A page of the browser."""

    def __init__(self, reader: asyncio.StreamReader, to_browser: int) -> None:
        self._reader, self._to_browser = reader, to_browser
        self._number, self._session = 0, ""

    async def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Sends a command and gives its result; events in between are let go."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    async def attach(self, width: int, height: int) -> None:
        """Opens the page."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression, or the promise it gives, has as its value."""
        got = await self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        async with asyncio.timeout(30):
            while not await self.value(f"!!({expression})"):  # noqa: ASYNC110 - it is the browser's event
                await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        """Presses and lets go a key: a named one or a character."""
        code = _KEYS.get(key) or ord(key.upper())
        text = {"text": key} if len(key) == 1 else {}
        await self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        await self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def click_on(self, element: str) -> None:
        """Clicks in the middle of an element that a JavaScript expression names, scrolled to where it can be seen."""
        box = await self.value(
            f"(found => (found.scrollIntoView({{ block: 'center', behavior: 'instant' }}), "
            f"found.getBoundingClientRect().toJSON()))({element})"
        )
        await self.click((box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2)

    async def click(self, x: float, y: float) -> None:
        """Clicks at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


@asynccontextmanager
async def browser_page(width: int = 1200, height: int = 900) -> AsyncIterator[Page]:
    """A page in a browser of its own."""
    # The path of the socket that Chromium makes there must not be long, as those of pytest's directories are.
    with TemporaryDirectory(prefix="etude-browser-", ignore_cleanup_errors=True) as folder:
        async with _running(folder) as page:
            await page.attach(width, height)
            yield page


@asynccontextmanager
async def _running(folder: str) -> AsyncIterator[Page]:
    """A browser that keeps its files in a folder."""
    assert CHROMIUM is not None
    from_us, to_browser = os.pipe()
    from_browser, to_us = os.pipe()
    # Chromium reads commands from its descriptor 3 and writes answers to 4; the shell puts the pipes there.
    command = f'exec "$0" "$@" 3<&{from_us} 4>&{to_us}'
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, CHROMIUM, *options, f"--user-data-dir={folder}",
        stderr=asyncio.subprocess.DEVNULL, pass_fds=(from_us, to_us), env={**os.environ, "TMPDIR": folder},
    )  # fmt: skip
    os.close(from_us)
    os.close(to_us)
    reader = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_browser, "rb", 0)
    )
    try:
        yield Page(reader, to_browser)
    finally:
        process.terminate()
        await process.wait()
        transport.close()
        os.close(to_browser)
