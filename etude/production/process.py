"""A server run as a child process: started, watched, paused, killed, stopped, and started again on the same data."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_START_S = 90.0


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is run.

    Attributes:
        arguments: Program and arguments.
        environment: All of its environment; None for this process's.
        user: User it is run as; None for this process's.
        end_signal: What asks it to end in order.
    """

    arguments: list[str]
    environment: dict[str, str] | None = None
    user: str | None = None
    end_signal: signal.Signals = signal.SIGTERM


@dataclass
class ChildServer(ABC):
    """A server in a process group of its own, which ends with the process that started it, however that ends.

    Start it from a thread that lives as long as it should: Linux ends it with that thread.

    Attributes:
        name: What it is called in logs.
        directory: Where it keeps its files; the parent of its log.
    """

    name: str
    directory: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @abstractmethod
    def command(self) -> Command:
        """How it is run."""

    @abstractmethod
    def answers(self) -> bool:
        """True when it can be used; called while it starts."""

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        assert self.process is not None
        return self.process.pid

    @property
    def log_file(self) -> Path:
        """Where what it says goes."""
        return self.directory / "log"

    @property
    def log(self) -> str:
        """What it said so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def is_running(self) -> bool:
        """False before it is started and once it has ended, for whatever reason."""
        return self.process is not None and self.process.poll() is None

    def spawn(self) -> None:
        """Starts it and does not wait until it answers."""
        command = self.command()
        at_our_end = signal.SIGINT if command.user else signal.SIGKILL
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(int(at_our_end)), command.user or ""]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*launch, *command.arguments],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=command.environment,
                start_new_session=True,
            )

    def start(self) -> None:
        """Starts it and waits until it answers.

        Raises:
            RuntimeError: It ended, or takes too long; the message has the end of its log.
        """
        self.spawn()
        self.wait()

    def wait(self) -> None:
        """Waits until it answers, after `spawn`.

        Raises:
            RuntimeError: As `start`.
        """
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if not self.is_running():
                raise RuntimeError(f"{self.name} ended as soon as it was started:\n{self.log[-2000:]}")
            if self.answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not answer within {_START_S:.0f} s:\n{self.log[-2000:]}")

    def pause(self) -> None:
        """Stops it where it is: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 of its process; does nothing when it does not run."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def ask_to_end(self) -> None:
        """Asks it to end in order, and does not wait; does nothing when it does not run."""
        if self.is_running():
            self._signal(signal.SIGCONT)
            self._signal(self.command().end_signal)

    def stop(self, seconds: float = 60.0) -> None:
        """Asks it to end, waits, and kills it when it takes longer than that."""
        self.ask_to_end()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
