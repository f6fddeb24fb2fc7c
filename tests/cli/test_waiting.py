"""What takes more than a second says so in a terminal, and nowhere else."""

from __future__ import annotations

import threading

import pytest

from openclaw_core.cli.waiting import Waiting

from .conftest import Start
from .terminal import Terminal

INVOKE = ("nodes", "invoke", "--node", "Desk", "--command", "demo.any", "--params", "{}")


@pytest.mark.anyio
async def test_a_wait_is_shown_in_a_terminal_until_it_is_over(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    wire, _ = await gateway.node(["demo.any"], client={"displayName": "Desk"})
    terminal = await Terminal.open(*INVOKE, env=env)
    asked = (await wire.event("node.invoke.request"))["payload"]
    await terminal.read_until("waiting for the node: demo.any")
    result = {"id": asked["id"], "nodeId": asked["nodeId"], "ok": True, "payload": {}}
    await wire.call("node.invoke.result", result)
    assert await terminal.end() == 0
    assert '"ok": true' in terminal.seen


def test_a_program_that_reads_it_is_shown_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with Waiting("for a long time"):
        assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.anyio
async def test_listening_on_the_network_is_shown_too(env: dict[str, str]) -> None:
    here = {**env, "OPENCLAW_MDNS_INTERFACES": "127.0.0.1"}
    terminal = await Terminal.open("gateway", "discover", "--timeout", "3000", env=here)
    await terminal.read_until("listening for gateways on this network")
    assert await terminal.end() == 0
    assert "0:00:00" not in terminal.seen, "it counts from the beginning, not from when it was shown"
