"""Runs the commands of the documentation.

Every fenced block with the info string `sh` alone in the given Markdown files is run with bash, in order, in one
working folder per file that holds a link to `examples/`. Blocks marked `sh no-run` are for machines the check cannot be
(they set up the checkout itself, or need Docker) and say so in the text around them; those marked `sh production` want
a mesh with logins, and `tests/production` runs them. A mesh is served for the whole run, as the documents assume one on
the default addresses.

    python tools/run_docs.py README.md docs/*.md
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```sh(?P<mark>[^\n]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
READY_URL = "http://127.0.0.1:8080/readyz"
READY_TIMEOUT_S = 60
BLOCK_TIMEOUT_S = 300


def blocks(document: Path, mark: str = "") -> list[str]:
    """The bodies of the document's `sh` blocks with a mark: none, "production", or "no-run"."""
    return [m["body"] for m in BLOCK.finditer(document.read_text()) if m["mark"].strip() == mark]


def wait_until_ready(mesh: subprocess.Popen[bytes]) -> None:
    """Waits for the gateway's readiness.

    Raises:
        RuntimeError: The mesh ended or did not become ready in time.
    """
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if mesh.poll() is not None:
            raise RuntimeError(f"etude serve ended with {mesh.returncode}")
        try:
            with urllib.request.urlopen(READY_URL, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"etude serve was not ready after {READY_TIMEOUT_S} s")


def main(documents: list[str]) -> int:
    """Runs all documents' blocks; the number of failed ones is the exit status."""
    failed = 0
    ran = 0
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as data:
        mesh = subprocess.Popen(["etude", "serve", "--data-dir", data], env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_ready(mesh)
            for name in documents:
                with tempfile.TemporaryDirectory() as folder:
                    Path(folder, "examples").symlink_to(ROOT / "examples")
                    for body in blocks(Path(name)):
                        ran += 1
                        done = subprocess.run(
                            ["bash", "-euo", "pipefail", "-c", body],
                            cwd=folder,
                            env=environment,
                            capture_output=True,
                            text=True,
                            timeout=BLOCK_TIMEOUT_S,
                        )
                        if done.returncode:
                            failed += 1
                            print(f"FAILED in {name}:\n{body}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        finally:
            mesh.send_signal(signal.SIGTERM)
            mesh.wait(30)
    print(f"documentation: {ran - failed} commands ran, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
