"""Ending a program with everything it started.

Members of the tree are its process group, its descendants, and on Linux every process that
carries the run's mark in its environment: a grandchild that changed session after its
parent died is none of the first two. The mark needs only /proc, so no package: psutil would
read the same files.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from openclaw_core import CommandError

__all__ = ["MARK", "kill_tree", "living"]

MARK = "OPENCLAW_RUN_MARK"
GRACE_S = 1.0
GIVE_UP_S = 5.0
_POLL_S = 0.02
_PROC = Path("/proc")


async def kill_tree(root: int, mark: str) -> None:
    """Ask the whole tree to end (SIGTERM), then kill what is left after a second.

    Args:
        root: pid of the program, also its process group; it may be gone already.
        mark: the value of `MARK` in its environment.

    Raises:
        CommandError: `UNAVAILABLE`, something is still there 5 s after SIGKILL.
    """
    if sys.platform == "win32":
        await _kill_on_windows(root)
        return
    _send(root, living(root, mark), signal.SIGTERM)
    if await _gone(root, mark, GRACE_S):
        return
    limit = time.monotonic() + GIVE_UP_S
    while members := living(root, mark):
        _send(root, members, signal.SIGKILL)
        if time.monotonic() > limit:
            pids = ", ".join(str(pid) for pid in sorted(members))
            raise CommandError("UNAVAILABLE", f"processes {pids} survive SIGKILL; look at them on the node")
        await asyncio.sleep(_POLL_S)


async def _gone(root: int, mark: str, within_s: float) -> bool:
    limit = time.monotonic() + within_s
    while living(root, mark):
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _send(root: int, members: Iterable[int], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(root, number)
    for pid in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def living(root: int, mark: str) -> set[int]:
    """Pids of the tree that still run; zombies do not count."""
    table = _read_proc(mark) if (_PROC / "self" / "stat").exists() else _ask_ps()
    members = {pid for pid, (_, group, marked) in table.items() if root in (pid, group) or marked}
    grew = True
    while grew:
        children = {pid for pid, (parent, _, _) in table.items() if parent in members} - members
        members |= children
        grew = bool(children)
    return members


def _read_proc(mark: str) -> dict[int, tuple[int, int, bool]]:
    """pid → (parent, group, marked) of every process that is no zombie."""
    wanted = f"{MARK}={mark}".encode()
    table = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent, group = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if state not in "ZX":
            table[int(entry.name)] = (int(parent), int(group), _is_marked(entry, wanted))
    return table


def _is_marked(entry: Path, wanted: bytes) -> bool:
    try:
        return wanted in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # gone, or another user's: then it is not ours by environment


def _ask_ps() -> dict[int, tuple[int, int, bool]]:
    """The same without /proc and so without marks: group and descendants only."""
    listing = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,pgid=,stat="],
        capture_output=True,
        text=True,
        check=False,
        timeout=5,
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return {
        int(r[0]): (int(r[1]), int(r[2]), False) for r in rows if len(r) == 4 and not r[3].startswith("Z")
    }


async def _kill_on_windows(root: int) -> None:
    tool = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    killer = await asyncio.create_subprocess_exec(
        tool, "/T", "/F", "/PID", str(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await killer.wait()
