"""Becomes a program that ends with the process that started it: `python launch.py SIGNAL USER PROGRAM [ARGUMENT ...]`.

Between the fork and the program's start no Python of ours may run: in a process that uses gRPC, its threads are in the
middle of something there, and the child can die of it. So the child becomes this script first.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Becomes the program; SIGNAL is what the kernel sends it when its parent ends, USER may be empty."""
    number, user, program = int(arguments[0]), arguments[1], arguments[2:]
    if user:
        os.setuid(pwd.getpwnam(user).pw_uid)
    if sys.platform == "linux":  # after the change of user, which would take it back
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and so would the program
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
