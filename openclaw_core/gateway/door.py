"""Places for sockets that have not authenticated, and the line in front of them (PROTOCOL 1.1).

An address has 32 places. When a gateway restarts, the fleet behind one address comes back at
once, and most of its clients retry without jitter: refused together, they would return
together, 32 of them at a time, for half an hour. So who finds no place waits, as long as the
line moves; a line that stands still is answered with 503 as the contract says, since then it
is not a fleet that comes but idle sockets that fill the places.

All addresses together have 64 places while these move, in turn by address: handshakes then
take a small share of each turn of the event loop, whoever and however many they are, and
everybody else is served in between. This bound alone never refuses anyone.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from typing import Literal, Protocol

__all__ = ["Door", "Waiter"]

AT_ONCE = 64
MAX_WAITING_PER_ADDRESS = 2_048
MAX_WAITING = 8_192
STANDS_STILL_SECONDS = 2.0
_SWEEP_SECONDS = 0.25
_LONGEST_SECONDS = 10.0
"""Clients give up an upgrade after 10 to 15 s; nobody is kept longer than that."""


class Waiter(Protocol):
    """A socket whose upgrade is not answered yet."""

    def answer_upgrade(self, *, admitted: bool) -> None:
        """Its place is there, or there will be none."""


class Door:
    """Counts places by address; waiters of one address are served in their order.

    Args:
        limit: places of one address.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        self._loop = loop
        self._limit = limit
        self._places: Counter[str] = Counter()
        self._taken = 0
        self._lines: OrderedDict[str, OrderedDict[Waiter, float]] = OrderedDict()
        self._waiting = 0
        self._moved: dict[str, float] = {}  # by address: when a place was last given back or first taken
        self._moved_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Sockets that have not authenticated, those in line included."""
        return self._taken + self._waiting

    def knock(self, address: str, waiter: Waiter) -> Literal["admitted", "waits", "refused"]:
        """Take a place, or stand in line for one."""
        now = self._loop.time()
        if not self._taken:
            self._moved_at = now
        has_place = self._places[address] < self._limit
        if has_place and self._taken < AT_ONCE and address not in self._lines:
            self._take(address, now)
            return "admitted"
        line = self._lines.get(address, ())
        stands_still = not has_place and now - self._moved.get(address, now) >= STANDS_STILL_SECONDS
        if stands_still or len(line) >= MAX_WAITING_PER_ADDRESS or self._waiting >= MAX_WAITING:
            return "refused"
        self._lines.setdefault(address, OrderedDict())[waiter] = now
        self._waiting += 1
        if self._timer is None:
            self._timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        return "waits"

    def leave(self, address: str) -> None:
        """Give a place back: its socket authenticated, was refused or is gone."""
        now = self._loop.time()
        self._taken -= 1
        self._places[address] -= 1
        self._moved[address] = self._moved_at = now
        if not self._places[address]:
            del self._places[address]
            if address not in self._lines:
                del self._moved[address]
        self._admit(AT_ONCE)

    def give_up(self, address: str, waiter: Waiter) -> None:
        """A waiter is gone; unknown ones are fine."""
        line = self._lines.get(address)
        if line is not None and line.pop(waiter, None) is not None:
            self._waiting -= 1
            self._drop_empty(address)

    def close(self) -> None:
        """Turn away whoever waits."""
        for address in list(self._lines):
            self._turn_away(address, list(self._lines[address]))
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, address: str, now: float) -> None:
        self._moved.setdefault(address, now)
        self._places[address] += 1
        self._taken += 1

    def _admit(self, at_once: int) -> None:
        """Let in who is next, one per address in turn."""
        now = self._loop.time()
        blocked = 0
        while self._taken < at_once and blocked < len(self._lines):
            address, line = next(iter(self._lines.items()))
            self._lines.move_to_end(address)
            if self._places[address] >= self._limit:
                blocked += 1
                continue
            blocked = 0
            waiter, _ = line.popitem(last=False)
            self._waiting -= 1
            self._take(address, now)
            self._drop_empty(address)
            # Not from within whatever gave the place back, which may be its own clean-up.
            self._loop.call_soon(_answer, waiter)

    def _sweep(self) -> None:
        """Turn away lines that stand still; start everyone else whom only the common bound keeps."""
        now = self._loop.time()
        for address, line in list(self._lines.items()):
            full = self._places[address] >= self._limit
            if full and now - self._moved.get(address, now) >= STANDS_STILL_SECONDS:
                self._turn_away(address, list(line))
            else:
                late = [waiter for waiter, since in line.items() if now - since >= _LONGEST_SECONDS]
                self._turn_away(address, late)
        if now - self._moved_at >= _SWEEP_SECONDS:
            self._admit(self._taken + AT_ONCE)
        self._timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._lines else None

    def _turn_away(self, address: str, waiters: list[Waiter]) -> None:
        for waiter in waiters:
            self.give_up(address, waiter)
            waiter.answer_upgrade(admitted=False)

    def _drop_empty(self, address: str) -> None:
        if not self._lines[address]:
            del self._lines[address]
            if not self._places[address]:
                del self._places[address]
                self._moved.pop(address, None)


def _answer(waiter: Waiter) -> None:
    waiter.answer_upgrade(admitted=True)
