"""`openclaw approvals …`, and `openclaw mcp` where it cannot serve."""

from __future__ import annotations

from typing import Any

import pytest

from openclaw_core.mcp import sdk
from openclaw_core.testing import TestGateway

from .conftest import Start
from .inprocess import run_here

pytestmark = pytest.mark.anyio

FOREIGN = {"nodes.commands.allow": ["foreign.thing"]}


async def ask(gateway: TestGateway, args: dict[str, Any]) -> str:
    """Call a tool that nobody knows to be harmless; the id of the question."""
    agent = await gateway.operator(["operator.read", "operator.write"])
    (group,) = (await agent.call("tools.catalog"))["groups"]
    answer = await agent.call("tools.invoke", {"name": group["tools"][0]["id"], "args": args})
    return str(answer["approvalId"])


async def test_what_waits_is_listed_allowed_and_denied(start: Start, env: dict[str, str]) -> None:
    gateway = await start(FOREIGN)
    assert (await run_here(env, "approvals", "list")).out == "Nothing waits for approval.\n"
    await gateway.node(["foreign.thing"])
    first, second = await ask(gateway, {"n": 1}), await ask(gateway, {"n": 2})
    listed = await run_here(env, "approvals", "list")
    assert first in listed.out
    assert '{"n":2}' in listed.out
    assert (await run_here(env, "approvals", "approve", first)).out == (
        "Allowed once; the agent may call again now.\n"
    )
    assert (await run_here(env, "approvals", "deny", second)).out == "Denied.\n"
    assert (await run_here(env, "approvals", "list", "--json")).json == []
    unknown = await run_here(env, "approvals", "deny", "00000000")
    assert unknown.code == 1
    assert "approval 00000000 is unknown, used or expired" in unknown.err


async def test_an_agents_program_that_finds_no_gateway_says_so(env: dict[str, str]) -> None:
    env |= {"OPENCLAW_GATEWAY_PORT": "1", "OPENCLAW_GATEWAY_TOKEN": "t"}
    failed = await run_here(env, "mcp")
    assert failed.code == 3
    assert failed.err.startswith("error: ")
    assert failed.out == ""


async def test_without_the_extra_it_says_how_to_install_it(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "find_spec", lambda _name: None)
    failed = await run_here(env, "mcp")
    assert failed.code == 1
    assert "install it: pip install 'openclaw-core[mcp]'" in failed.err
