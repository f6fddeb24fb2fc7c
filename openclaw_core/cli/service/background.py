"""A process of its own in the background, where no service manager is: containers, bare sessions.

The process inherits a lock on its mark file from whoever starts it and holds it for its life, so
a mark without a lock is of a process that is gone, and a pid is never another program's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.service.plan import ServicePlan
from openclaw_core.cli.service.readiness import speaks
from openclaw_core.private_directory import make_private_directory

__all__ = ["SUPPORTED", "last_words", "mark_file", "running_pid", "start", "stop"]

SUPPORTED = sys.platform != "win32"
"""Windows always has its task scheduler."""

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
_POLL_S = 0.05
_LOG_BYTES = 5_000_000
_LAST_LINES = 8

if sys.platform != "win32":
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
else:

    def _lock(_: int) -> bool:
        return True


def mark_file(plan: ServicePlan) -> Path:
    """Holds the pid; locked while the process lives."""
    return plan.state_dir / "run" / f"{plan.kind}.pid"


def running_pid(plan: ServicePlan) -> int | None:
    """The pid of the background process; None when there is none."""
    try:
        handle = os.open(mark_file(plan), os.O_RDONLY)
    except OSError:
        return None
    try:
        if _lock(handle):
            return None
        return int(os.read(handle, 32) or b"0") or None
    finally:
        os.close(handle)


def start(plan: ServicePlan) -> int:
    """Start it, wait until it is ready, and leave it running; its pid.

    Raises:
        CliError: it runs already, died, or was not ready within a minute (then it is stopped).
    """
    mark = mark_file(plan)
    make_private_directory(mark.parent)
    handle = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(handle):
            raise CliError(
                f"the {plan.kind} runs in the background already (pid {running_pid(plan)})",
                code="ALREADY_RUNNING",
                steps=(f"start it anew: openclaw {plan.kind} restart",),
            )
        _shorten_log(plan)
        is_ready = speaks(plan)
        process = _spawn(plan, handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{process.pid}\n".encode(), 0)
    finally:
        os.close(handle)
    _await_ready(plan, process, is_ready)
    return process.pid


def _shorten_log(plan: ServicePlan) -> None:
    if plan.log_file.exists() and plan.log_file.stat().st_size > _LOG_BYTES:
        plan.log_file.replace(plan.log_file.with_suffix(".log.1"))


def _spawn(plan: ServicePlan, handle: int) -> subprocess.Popen[bytes]:
    make_private_directory(plan.log_file.parent)
    log = os.open(plan.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 — this very program
            plan.command,
            env={**os.environ, **plan.environment},
            cwd=Path.home() if Path.home().is_dir() else plan.state_dir,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(handle,),
            start_new_session=True,  # neither Ctrl-C nor the end of the terminal reaches it
        )
    finally:
        os.close(log)


def _await_ready(plan: ServicePlan, process: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while process.poll() is None:
            if is_ready():
                # It outlives this command on purpose; nobody here waits for its end.
                process.returncode = 0
                return
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
    except BaseException:
        process.terminate()  # interrupted while waiting: nothing half-started stays behind
        process.wait()
        raise
    code = process.poll()
    if code is None:
        stop(plan)
    why = f"ended with exit code {code}" if code is not None else f"was not ready in {START_TIMEOUT_S:.0f} s"
    raise CliError(
        f"the {plan.kind} {why}",
        code="NOT_STARTED",
        steps=(
            *(f"it said: {line}" for line in last_words(plan)),
            f"run it in this terminal to see why: openclaw {plan.kind} run",
        ),
    )


def stop(plan: ServicePlan) -> bool:
    """SIGTERM, then SIGKILL after half a minute; False when it was not running."""
    pid = running_pid(plan)
    if pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_TIMEOUT_S
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            break
        while running_pid(plan) == pid and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if running_pid(plan) != pid:
            break
    mark_file(plan).unlink(missing_ok=True)
    return True


def last_words(plan: ServicePlan) -> list[str]:
    """The end of its log."""
    try:
        text = plan.log_file.read_text("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-_LAST_LINES:]
