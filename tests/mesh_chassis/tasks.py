"""Functions that workers run in the tests."""

import ctypes
import gc
import os
import signal
import sys
import time
from pathlib import Path

import structlog

from etude.mesh.errors import EtudeError
from etude.mesh.workers import report_progress

_warm = 0


def warm_up():
    global _warm
    _warm = os.getpid()


def warmed_in():
    return _warm


def broken_warm_up():
    raise ValueError("no model here")


def dying_warm_up():
    os._exit(3)


def pid():
    return os.getpid()


def double(x):
    return 2 * x


def threads_per_library():
    return os.environ["OPENBLAS_NUM_THREADS"]


def mark(path):
    Path(path).write_text("started")


def sleep(seconds, marker=None):
    if marker is not None:
        Path(marker).write_text(str(os.getpid()))
    time.sleep(seconds)


def spin(marker):
    Path(marker).write_text(str(os.getpid()))
    while True:
        pass


def allocate(mebibytes):
    return len(bytearray(mebibytes << 20))


def reserve_address_space(mebibytes):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    prot_none, private_anonymous_noreserve = 0, 0x2 | 0x20 | 0x4000
    address = libc.mmap(None, mebibytes << 20, prot_none, private_anonymous_noreserve, -1, 0)
    return address != ctypes.c_void_p(-1).value


def allocate_in_c(mebibytes):
    """What a careless library in C does: takes memory piece by piece and, when it is refused, aborts after a while."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(mebibytes):
        address = libc.malloc(1 << 20)
        if not address:
            time.sleep(1.0)
            libc.abort()
        ctypes.memset(address, 1, 1 << 20)


def leave_holes(mebibytes):
    """Takes memory in small pieces and frees all but the last, as libraries leave their heap. Resident MiB then."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = (ctypes.c_void_p,)
    pieces = [libc.malloc(1 << 16) for _ in range(16 * mebibytes)]
    for piece in pieces:
        ctypes.memset(piece, 1, 1 << 16)
    for piece in pieces[:-1]:
        libc.free(piece)
    return resident_mebibytes()


def resident_mebibytes():
    """Memory of this process that is in use."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:"))


def segfault():
    ctypes.string_at(0)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def exits():
    sys.exit(7)


def fails():
    raise EtudeError(
        "CORRUPT_FILE", "broken", violations=[("file", "truncated")], metadata={"page": "3"}, retry_after_s=2.0
    )


def raises_value_error():
    raise ValueError("bad value")


class StubbornError(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


def raises_what_does_not_unpickle():
    raise StubbornError("this", "that")


def returns_what_does_not_pickle():
    return lambda: None


def progresses(count):
    for index in range(count):
        report_progress(index)
    return "done"


def bound_ids():
    return structlog.contextvars.get_contextvars()


def left_to_the_collector():
    return gc.get_freeze_count(), gc.get_threshold()[0]
