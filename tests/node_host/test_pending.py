"""Queued work on a real node host at a real gateway, and over the node's death."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from openclaw_core.client import ReconnectPolicy
from openclaw_core.commands import ALL_PLATFORMS, Family, NodeContext, command
from openclaw_core.node_host import NodeHost, NodeHostOptions, offered_surface
from openclaw_core.node_host.journal import Journal
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.protocol.base import Wire
from openclaw_core.testing import TOKEN, TestGateway, plugins_of
from tests.gateway.leftovers import until

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.pending.available", "node.pending.changed")]


class Text(Wire):
    text: str


class Life:
    """A gateway, an operator, and a node host that can end and begin anew."""

    def __init__(self, gateway, operator, directory):
        self.gateway = gateway
        self.operator = operator
        self.directory = directory
        self.ran: list[str] = []
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.node_id = ""

    async def _do(self, args, _node: NodeContext):
        self.ran.append(args.text)
        self.started.set()
        await self.go_on.wait()
        return args

    def surface(self):
        @command("demo.once", platforms=ALL_PLATFORMS, queueable=True)
        async def once(args: Text, node: NodeContext) -> Text:
            """Once."""
            return await self._do(args, node)

        @command("demo.again", platforms=ALL_PLATFORMS, queueable=True, idempotent=True)
        async def again(args: Text, node: NodeContext) -> Text:
            """Again."""
            return await self._do(args, node)

        return Family("demo", "Demo", (once, again), caps=("demo",))

    @asynccontextmanager
    async def node(self):
        """The node host, approved; stopped in the end as by a signal."""
        options = NodeHostOptions(
            url=self.gateway.url, directory=self.directory, display_name="Worker", token=TOKEN
        )
        policy = ReconnectPolicy(lambda: 0.0, wait_for_pairing=True, pairing_min_ms=0)
        host = NodeHost(options, offered_surface([self.surface()]), Narrator(lambda _line: None), policy)
        running = asyncio.ensure_future(host.run())
        while not self.node_id:
            for row in (await self.operator.call("node.pair.list"))["pending"]:
                await self.operator.call("node.pair.approve", {"requestId": row["requestId"]})
                self.node_id = row["nodeId"]
        try:
            yield host
        finally:
            host.stop()
            assert await asyncio.wait_for(running, 10) == 0

    async def leave(self, text, **fields):
        """Queue `demo.once`; the item's id."""
        params = {"nodeId": self.node_id, "type": "node.invoke", "command": "demo.once", **fields}
        answer = await self.operator.call("node.pending.enqueue", {**params, "params": {"text": text}})
        return answer["queued"]["id"]

    async def final(self, item_id, *states):
        await self.operator.event(
            "node.pending.changed", lambda told: told["id"] == item_id and told["state"] in states
        )
        return (await self.operator.call("node.pending.get", {"id": item_id}))["item"]


@pytest.fixture
async def life(tmp_path):
    probe = Life(None, None, tmp_path / "node")
    async with TestGateway(tmp_path / "gateway", plugins_of(probe.surface())) as gateway:
        probe.gateway, probe.operator = gateway, await gateway.operator()
        yield probe


async def test_work_is_done_in_order_while_connected_and_after_an_absence(life):
    async with life.node():
        first = await life.leave("now")
        assert (await life.final(first, "done"))["payload"] == {"text": "now"}
    items = [await life.leave(text) for text in ("one", "two")]
    urgent = await life.leave("urgent", priority="high")
    async with life.node():
        for item_id in (*items, urgent):
            await life.final(item_id, "done")
    assert life.ran == ["now", "urgent", "one", "two"]


async def test_what_runs_outlives_the_connection_and_is_reported_over_the_next(life):
    async with life.node():
        life.go_on.clear()
        item_id = await life.leave("long")
        await asyncio.wait_for(life.started.wait(), 10)
        runtime = life.gateway.server.gateway.runtime
        runtime.nodes.find(life.node_id).link.close(1012, "service restart")
        await until(lambda: not runtime.nodes.is_connected(life.node_id), "the node is away")
        life.go_on.set()
        assert (await life.final(item_id, "done"))["payload"] == {"text": "long"}
    assert life.ran == ["long"]


@pytest.mark.parametrize(("name", "state", "runs"), [("demo.once", "unknown", 0), ("demo.again", "done", 1)])
async def test_a_node_that_died_while_it_ran_says_so_or_runs_it_again(life, name, state, runs):
    async with life.node():
        pass
    item_id = await life.leave("x", command=name)
    journal = Journal(life.directory / "journal.db")
    journal.begin(item_id, name)
    journal.close()
    async with life.node():
        item = await life.final(item_id, "done", "unknown")
    assert (item["state"], len(life.ran)) == (state, runs)
    if state == "unknown":
        assert item["error"]["code"] == "OUTCOME_UNKNOWN"
        assert "whether it was done is not known" in item["error"]["message"]


async def test_what_was_done_before_the_node_died_is_reported_not_repeated(life):
    async with life.node():
        pass
    item_id = await life.leave("x")
    journal = Journal(life.directory / "journal.db")
    journal.begin(item_id, "demo.once")
    journal.finish(item_id, {"ok": True, "payloadJSON": '{"text":"before"}'})
    journal.close()
    async with life.node():
        assert (await life.final(item_id, "done"))["payload"] == {"text": "before"}
    assert life.ran == []


async def test_a_node_that_is_stopped_says_so_next_time(life):
    async with life.node():
        life.go_on.clear()
        item_id = await life.leave("x")
        await asyncio.wait_for(life.started.wait(), 10)
    life.go_on.set()
    async with life.node():
        assert (await life.final(item_id, "failed"))["error"]["code"] == "ABORTED"
    assert life.ran == ["x"]


class OneThread(ThreadPoolExecutor):
    """Does one thing after the other; `asked` is set when one more has to wait."""

    def __init__(self):
        super().__init__(1)
        self.asked = asyncio.Event()

    def submit(self, *args, **kwargs):
        self.asked.set()
        return super().submit(*args, **kwargs)


async def test_what_was_done_just_before_the_stop_is_not_forgotten(life):
    loop, threads, busy = asyncio.get_running_loop(), OneThread(), threading.Event()
    loop.set_default_executor(threads)
    async with life.node() as host:
        life.go_on.clear()
        item_id = await life.leave("x")
        await asyncio.wait_for(life.started.wait(), 10)
        occupied = loop.run_in_executor(None, busy.wait)
        threads.asked.clear()
        life.go_on.set()
        await asyncio.wait_for(threads.asked.wait(), 10)  # to write the outcome down
        host.stop()
        await asyncio.sleep(0)
        busy.set()
        await occupied
    async with life.node():
        assert (await life.final(item_id, "done", "unknown"))["state"] == "done"
    assert life.ran == ["x"]


async def test_status_is_reported_on_request_and_a_location_honestly_refused(life):
    async with life.node():
        kinds = ("status.request", "location.request")
        params = [{"nodeId": life.node_id, "type": kind} for kind in kinds]
        ids = [(await life.operator.call("node.pending.enqueue", item))["queued"]["id"] for item in params]
        assert (await life.final(ids[0], "done", "failed"))["state"] == "done"
        assert (await life.final(ids[1], "done", "failed"))["state"] == "failed"
