"""Ctrl-C while pages are read."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image

from tests.e2e.conftest import LONG, environment

pytestmark = pytest.mark.slow

STOPS_WITHIN_S = 2.0
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A scan of many pages."""
    document = pdfium.PdfDocument(LONG)
    pages = [
        Image.fromarray(np.array(page.render(scale=300 / 72, grayscale=True).to_numpy()).squeeze()).convert("1")
        for page in document
    ]
    document.close()
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:] * 6, compression="group4", dpi=(300, 300))
    path = tmp_path / "scan.tif"
    path.write_bytes(buffer.getvalue())
    return path


def processes_of(session: int) -> Iterator[tuple[int, float]]:
    """Id and processor seconds of every process of a session that has not ended."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[3]) == session and fields[0] != "Z":
            yield int(stat.parent.name), (int(fields[11]) + int(fields[12])) / TICKS


def test_ctrl_c_while_pages_are_read_stops_everything_soon(scan, tmp_path):
    command = [sys.executable, "-m", "etude.cli.main", "annotate", str(scan), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        command,
        env=environment(XDG_CACHE_HOME=str(tmp_path / "cache")),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "reading page" in line:
                break
        busy = dict(processes_of(process.pid))
        process.send_signal(signal.SIGINT)
        begun, spent = time.monotonic(), 0.0
        while process.poll() is None and time.monotonic() - begun < 60:
            # processor time: the wall is other processes' as well
            spent = max(spent, sum(t - busy.get(pid, 0.0) for pid, t in processes_of(process.pid)))
            time.sleep(0.02)
        assert process.returncode == 130
        deadline = time.monotonic() + 5
        while list(processes_of(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not list(processes_of(process.pid)), "a process goes on"
        assert spent < STOPS_WITHIN_S
        assert not list((tmp_path / "cache").rglob("annotate-*"))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
