"""Feeds the engraved reader mutated PDFs and counts what becomes of them.

Every case is a PDF of the corpus with a few mutations drawn from the seed: bytes changed, cut out, doubled or spliced
in from another file, the file cut short, numbers made extreme, words and objects exchanged. Each runs in a process of
its own with a bound on time and memory. The one outcome allowed besides a page read is a reason (`EtudeError`); the run
fails on any other exception, a hang, a crash, or running out of memory, and keeps those files.

    python bench/fuzz_pdf.py --corpus tests/omr/pdf/data examples --count 2000 --seed 1
"""

from __future__ import annotations

import argparse
import collections
import io
import os
import random
import re
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pikepdf

from etude.mesh.errors import EtudeError
from omr_service.pdf.document import open_document

MOST_PAGES = 2
_NUMBER = re.compile(rb"(?<![\d.])-?\d+(?:\.\d+)?(?![\d.])")
_EXTREMES = (b"0", b"-1", b"1e9", b"99999999999999999999", b"2147483648", b"-32768", b"0.0000001", b"65536")


def uncompressed(data: bytes) -> bytes:
    """The same PDF with its streams and object streams unpacked, so that mutations reach what is inside."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(
            buffer,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return buffer.getvalue()


def flip(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    out = bytearray(data)
    for _unused in range(rng.choice((1, 4, 16, 64))):
        out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def cut(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 16, 256, 4096)) :]


def double(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice((8, 128, 2048))]
    return data[:start] + piece * rng.choice((2, 8, 64)) + data[start:]


def truncate(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    return data[: rng.randrange(1, len(data))]


def splice(data: bytes, rng: random.Random, corpus: list[bytes]) -> bytes:
    other = rng.choice(corpus)
    start, length = rng.randrange(len(other)), rng.choice((32, 512, 8192))
    at = rng.randrange(len(data))
    return data[:at] + other[start : start + length] + data[at + (length if rng.random() < 0.5 else 0) :]


def extreme_numbers(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    out = data
    for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 3, 10)))), key=lambda m: -m.start()):
        out = out[: match.start()] + rng.choice(_EXTREMES) + out[match.end() :]
    return out


def exchange_words(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    """Exchanges two words: names for names, operators for operators, references for references."""
    pattern = rng.choice((rb"/[A-Za-z0-9]+", rb"\b\d+ 0 R\b", rb"\b(?:re|[mlcSfBqQnhw]|cm|Tj|Tf|Td|Tm|BT|ET|Do)\b"))
    found = list(re.finditer(pattern, data))
    if len(found) < 2:
        return data
    first, second = sorted(rng.sample(found, 2), key=lambda m: m.start())
    return (
        data[: first.start()]
        + second.group()
        + data[first.end() : second.start()]
        + first.group()
        + data[second.end() :]
    )


MUTATIONS: tuple[Callable[[bytes, random.Random, list[bytes]], bytes], ...] = (
    flip,
    cut,
    double,
    truncate,
    splice,
    extreme_numbers,
    extreme_numbers,
    exchange_words,
    exchange_words,
)


def mutant(corpus: list[bytes], seed: int, number: int) -> bytes:
    """The numbered case of a seed; always the same for the same corpus."""
    rng = random.Random(f"{seed}/{number}")
    data = rng.choice(corpus)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        if data:
            data = rng.choice(MUTATIONS)(data, rng, corpus)
    return data


def read(data: bytes) -> str:
    """Reads the first pages; returns what became of them."""
    outcomes: list[str] = []
    try:
        with open_document(data) as document:
            for number in range(1, min(document.page_count, MOST_PAGES) + 1):
                try:
                    page = document.read_page(number)
                    outcomes.append("music" if page.glyphs else "no music")
                except EtudeError as error:
                    outcomes.append(error.reason)
    except EtudeError as error:
        return error.reason
    return "music" if "music" in outcomes else outcomes[0]


def run_case(data: bytes, seconds: float, memory_bytes: int) -> tuple[str, float, int]:
    """Returns (outcome, seconds of processor time, peak resident KiB) of reading a PDF in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
            outcome = read(data)
        except MemoryError:
            outcome = "!memory"
        except BaseException as error:  # whatever escapes is what this run is looking for
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome = f"!{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
        os.write(writer, outcome.encode())
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], seconds)
    if not ready:
        os.kill(child, signal.SIGKILL)
    outcome = os.read(reader, 4096).decode() if ready else "!hang"
    _, _, usage = os.wait4(child, 0)
    os.close(reader)
    return outcome or "!crash", usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="PDFs, or folders of them")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seconds", type=float, default=20.0, help="time allowed to one case")
    parser.add_argument("--memory-mib", type=int, default=2048, help="address space allowed to one case")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="where failing files go")
    arguments = parser.parse_args()
    files = sorted(f for p in arguments.corpus for f in (p.glob("*.pdf") if p.is_dir() else [p]))
    corpus = [f.read_bytes() for f in files]
    corpus += [uncompressed(data) for data in corpus]
    outcomes: collections.Counter[str] = collections.Counter()
    slowest, largest, failures = (0.0, 0), 0, 0
    for number in range(arguments.first, arguments.first + arguments.count):
        data = mutant(corpus, arguments.seed, number)
        outcome, seconds, peak = run_case(data, arguments.seconds, arguments.memory_mib << 20)
        outcomes[outcome] += 1
        slowest, largest = max(slowest, (seconds, number)), max(largest, peak)
        if outcome.startswith("!"):
            failures += 1
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{arguments.seed}-{number}.pdf").write_bytes(data)
            print(f"case {number}: {outcome}", flush=True)
    print(f"{arguments.count} cases of {len(files)} files, seed {arguments.seed}")
    for outcome, count in outcomes.most_common():
        print(f"{count:7d}  {outcome}")
    print(
        f"slowest {slowest[0]:.1f} s of processor time (case {slowest[1]}), "
        f"largest {largest / 1024:.0f} MiB resident, {failures} failures"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
