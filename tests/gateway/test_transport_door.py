"""Who waits for a place and who is refused one: PROTOCOL 1.1."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from openclaw_core.gateway.door import AT_ONCE, STANDS_STILL_SECONDS, Door
from openclaw_core.testing import operator_params

from .leftovers import until
from .raw_socket import RawSocket

pytestmark = pytest.mark.anyio


class Caller:
    """A waiter that remembers its answer."""

    def __init__(self):
        self.admitted = None

    def answer_upgrade(self, *, admitted):
        assert self.admitted is None, "answered twice"
        self.admitted = admitted


@pytest.fixture
def limited(start, monkeypatch):
    async def begin(places):
        monkeypatch.setenv("OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP", str(places))
        return await start()

    return begin


async def test_a_fleet_behind_one_address_gets_in_at_the_first_try(limited):
    """Twelve at once and two places: nobody is refused, as the places move."""
    gateway = await limited(2)

    async def come():
        wire = await gateway.wire()
        return await wire.connect(operator_params())

    hellos = await asyncio.gather(*(come() for _ in range(12)))
    assert all(hello["ok"] for hello in hellos)
    assert not gateway.server.gateway.door


async def test_who_waits_and_hangs_up_leaves_the_line(limited):
    gateway = await limited(1)
    door = gateway.server.gateway.door
    first = await gateway.wire()
    patient = asyncio.ensure_future(gateway.wire())
    await until(lambda: len(door) == 2, "one waits")
    impatient = asyncio.ensure_future(gateway.wire())
    await until(lambda: len(door) == 3, "two wait")
    impatient.cancel()
    await until(lambda: len(door) == 2, "the one that gave up has left")
    assert (await first.connect(operator_params()))["ok"]
    assert (await (await patient).connect(operator_params()))["ok"]
    assert not door


async def test_idle_sockets_make_no_line(limited):
    """Places that nobody gives back are the flood that 503 is for."""
    gateway = await limited(1)
    await gateway.wire()
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire()
    assert refusal.value.response.status_code == 503
    assert len(gateway.server.gateway.door) == 1


async def test_a_waiter_is_answered_when_the_gateway_stops(limited):
    gateway = await limited(1)
    async with RawSocket.open(gateway):
        waits = asyncio.ensure_future(gateway.wire())
        await until(lambda: len(gateway.server.gateway.door) == 2, "one waits")
        await gateway.server.gateway.stop()
        with pytest.raises(InvalidStatus):
            await waits


class Clock:
    """Of a loop whose timers a test runs by itself."""

    def __init__(self):
        self.now = 0.0
        self.timers = []
        self.time = lambda: self.now

    def call_later(self, delay, work):
        self.timers.append((self.now + delay, work))

    def call_soon(self, work, *args):
        work(*args)

    def run(self, seconds):
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            at, work = min(due, key=lambda timer: timer[0])
            self.timers.remove((at, work))
            self.now = at
            work()
        self.now = end


def knock(door, address):
    caller = Caller()
    return caller, door.knock(address, caller)


def test_addresses_take_turns():
    """A fleet in line does not make a single client of another address wait behind it."""
    door = Door(Clock(), 1_000)
    for _ in range(AT_ONCE):
        assert knock(door, "fleet")[1] == "admitted"
    fleet = [knock(door, "fleet")[0] for _ in range(10)]
    single, answer = knock(door, "single")
    assert answer == "waits"
    door.leave("fleet")
    door.leave("fleet")
    assert single.admitted
    assert [caller.admitted for caller in fleet] == [True] + [None] * 9


def test_the_common_bound_refuses_nobody():
    """Idle sockets of two addresses hold all places: others get in all the same."""
    clock = Clock()
    door = Door(clock, AT_ONCE // 2)
    for number in range(AT_ONCE):
        assert knock(door, f"idle-{number % 2}")[1] == "admitted"
    honest, answer = knock(door, "honest")
    assert answer == "waits"
    clock.run(STANDS_STILL_SECONDS)
    assert honest.admitted


def test_a_line_lives_as_long_as_it_moves():
    clock = Clock()
    door = Door(clock, 2)
    for _ in range(2):
        knock(door, "fleet")
    line = [knock(door, "fleet")[0] for _ in range(8)]
    for served in range(4):
        clock.run(STANDS_STILL_SECONDS * 0.9)
        door.leave("fleet")
        assert [caller.admitted for caller in line] == [True] * (served + 1) + [None] * (7 - served)
    clock.run(STANDS_STILL_SECONDS * 1.5)
    assert [caller.admitted for caller in line] == [True] * 4 + [False] * 4
    assert knock(door, "fleet")[1] == "refused"
    for _ in range(2):
        door.leave("fleet")
    assert not door
    assert not door._lines
    assert not door._places
    assert not door._moved
    clock.run(60)
    assert not clock.timers
