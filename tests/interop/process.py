"""Child processes of the interop suite: started in a group of their own, awaited, killed as a whole tree."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

import psutil

__all__ = ["NotInTimeError", "Program", "await_value", "clean_env", "free_port"]

T = TypeVar("T")

KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


class NotInTimeError(AssertionError):
    """A real program did not do in time what the test waits for; the message holds its last output."""


def pause() -> None:
    """Let other processes work between two looks; the only pause of the suite."""
    time.sleep(0.15)


def await_value(
    probe: Callable[[], T | None], what: str, *, within_s: float = 240, evidence: Callable[[], str] = str
) -> T:
    """Look again until `probe` answers something true, at most `within_s` seconds.

    Raises NotInTimeError naming `what` and quoting `evidence()`.
    """
    end = time.monotonic() + within_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise NotInTimeError(f"not within {within_s:g} s: {what}\n{evidence()}")
        pause()


def free_port() -> int:
    """A TCP port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_env(state_dir: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a person who never ran OpenClaw: own HOME, state and temp directory, no secrets."""
    home, temp = state_dir / "home", state_dir / "tmp"
    home.mkdir(parents=True, exist_ok=True)
    temp.mkdir(exist_ok=True)
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = {"HOME": str(home), "TMPDIR": str(temp), "OPENCLAW_STATE_DIR": str(state_dir), "NO_COLOR": "1"}
    return env | own | dict(extra or {})


class Program:
    """One long-running child process whose output goes to a file.

    Used as a context manager; leaving it ends the process and everything it started.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.argv = list(argv)
        self.env = dict(env)
        self.log = log
        self.child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; also starts it again after `kill` or `stop`, appending to the same log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self.child = subprocess.Popen(
                self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True, cwd=self.env["HOME"],
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def output(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        """The last 3000 characters of its output, for failure messages."""
        state = "alive" if self.alive else f"exit code {self.child.returncode if self.child else None}"
        return f"--- {self.log.name} ({state}) ---\n{self.output()[-3000:]}"

    def stop(self, within_s: float = 10) -> int | None:
        """SIGTERM, then SIGKILL for whatever is left after `within_s` seconds; the exit code."""
        return self._end(signal.SIGTERM, within_s)

    def kill(self) -> int | None:
        """SIGKILL at once, as `kill -9` would."""
        return self._end(signal.SIGKILL, 5)

    def _end(self, how: signal.Signals, within_s: float) -> int | None:
        if self.child is None:
            return None
        family = descendants(self.child.pid)
        if self.alive:
            self.child.send_signal(how)
        try:
            self.child.wait(within_s)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(5)
        for relative in family:
            if relative.is_running():
                relative.kill()
        psutil.wait_procs(family, timeout=5)
        return self.child.returncode


def descendants(pid: int) -> list[psutil.Process]:
    """Children and grandchildren; real programs start helpers in sessions of their own."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
