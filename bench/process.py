"""Server processes under load: pinned start, wait until healthy, CPU and memory of the tree."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

__all__ = [
    "LOAD_CORE",
    "SERVER_CORE",
    "ServerProcess",
    "cpu_seconds",
    "pin",
    "pinned",
    "raise_file_limit",
    "resident_kib",
    "start_server",
]

T = TypeVar("T")

SERVER_CORE = 0
LOAD_CORE = 1
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A started gateway or relay that answered its health check."""

    process: subprocess.Popen[bytes]
    start_s: float
    """Seconds from spawn to the first `GET /health` answered with 200."""

    @property
    def pid(self) -> int:
        """Root of the process tree."""
        return self.process.pid

    def stop(self) -> None:
        """SIGTERM to the process group; SIGKILL when it is not gone in time."""
        os.killpg(self.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT_S)


def pin(core: int) -> None:
    """Keep this process and its later children on one core, if it may run there."""
    if core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Start children on one core; this process returns to its own cores afterwards."""
    own = os.sched_getaffinity(0)
    pin(core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def raise_file_limit(wanted: int) -> None:
    """Allow `wanted` open sockets in this process and its children.

    Raises ValueError when the hard limit of the machine is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def start_server(
    command: Sequence[str], port: int, environment: Mapping[str, str], log: Path
) -> ServerProcess:
    """Start `command` pinned to the server core and wait for `GET /health` on `port`.

    Raises TimeoutError with the end of its log when it does not serve in time.
    """
    begun = time.perf_counter()
    with log.open("ab") as sink, pinned(SERVER_CORE):
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    server = ServerProcess(process, 0.0)
    while not _is_healthy(port):
        if process.poll() is not None or time.perf_counter() - begun > START_TIMEOUT_S:
            if process.poll() is None:
                server.stop()
            tail = log.read_text(errors="replace")[-2000:]
            raise TimeoutError(f"{command[0]} does not serve on port {port}; its log ends:\n{tail}")
        time.sleep(0.005)
    return ServerProcess(process, time.perf_counter() - begun)


def cpu_seconds(pid: int) -> float:
    """User plus system seconds used so far by the tree, ended and reaped children included."""
    return sum(sum(times[:4]) for times in _ask_tree(pid, psutil.Process.cpu_times))


def resident_kib(pid: int) -> int:
    """Resident memory of the tree, KiB."""
    return sum(memory.rss for memory in _ask_tree(pid, psutil.Process.memory_info)) // 1024


def _ask_tree(pid: int, question: Callable[[psutil.Process], T]) -> list[T]:
    root = psutil.Process(pid)
    answers = [question(root)]
    for member in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a short-lived helper ended between the two looks
            answers.append(question(member))
    return answers


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
