"""`openclaw nodes invoke --queue` and `openclaw nodes queue …` against a gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from openclaw_core.testing import TOKEN, TestGateway, plugins_of
from tests.gateway.queueing import COMMANDS, WORK, enqueue_invoke, leave

from .conftest import Cli

pytestmark = pytest.mark.anyio


async def test_left_followed_and_taken_back(tmp_path: Path, env: dict[str, str], cli: Cli) -> None:
    async with TestGateway(tmp_path / "gateway", plugins_of(WORK)) as gateway:
        env |= {"OPENCLAW_GATEWAY_PORT": str(gateway.server.port), "OPENCLAW_GATEWAY_TOKEN": TOKEN}
        node, node_id = await gateway.node(COMMANDS)
        await leave(gateway, node, node_id)

        invoke = (
            "nodes",
            "invoke",
            "--node",
            node_id,
            "--command",
            "work.do",
            "--params",
            '{"text": "later"}',
        )
        refused = await cli(*invoke)
        assert refused.code == 1
        assert "not connected" in refused.err
        answer = (await cli(*invoke, "--queue")).json
        assert answer["queued"] is True

        listed = await cli("nodes", "queue", "list", "--node", "test node")
        assert answer["queuedId"] in listed.out
        assert "work.do" in listed.out
        shown = await cli("nodes", "queue", "show", answer["queuedId"])
        assert '{"text": "later"}' in shown.out
        cancelled = await cli("nodes", "queue", "cancel", answer["queuedId"])
        assert cancelled.out == f"Cancelled {answer['queuedId']}\n"
        assert (await cli("nodes", "queue", "list")).out == "Nothing waits.\n"

        again = await cli("nodes", "queue", "cancel", answer["queuedId"])
        assert again.code == 1
        assert "is cancelled already" in again.err


async def test_states_are_chosen_and_misspelt_ones_named(
    tmp_path: Path, env: dict[str, str], cli: Cli
) -> None:
    async with TestGateway(tmp_path / "gateway", plugins_of(WORK)) as gateway:
        env |= {"OPENCLAW_GATEWAY_PORT": str(gateway.server.port), "OPENCLAW_GATEWAY_TOKEN": TOKEN}
        node, node_id = await gateway.node(COMMANDS)
        operator = await gateway.operator()
        done = await enqueue_invoke(operator, node_id)
        await node.call("node.pending.ack", {"ids": [done]})
        found = (await cli("nodes", "queue", "list", "--state", "done,failed", "--json")).json
        assert [row["id"] for row in found["items"]] == [done]
        wrong = await cli("nodes", "queue", "list", "--state", "finished")
        assert wrong.code == 2
        assert "no such state" in wrong.err
