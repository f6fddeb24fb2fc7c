"""PostgreSQL goes away under a serving gateway: what goes on, what is refused, and the way back."""

import asyncio

import orjson
import pytest

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeDevice, TestGateway, node_params, plugins_of

from .conftest import DEMO
from .invoking import failure, finish, post_invoke, respond
from .processes import environment_of, refuse, run_program
from .queueing import COMMANDS, Work
from .test_transport_http import get

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
NAMES = [*COMMANDS, "demo.echo", "demo.any"]


@pytest.fixture
def url(cluster):
    return cluster.new_database()


@pytest.fixture
async def gateway(tmp_path, url):
    async with TestGateway(tmp_path / "state", plugins_of(DEMO, extra=[Work]), {"store.url": url}) as started:
        yield started


@pytest.fixture
def crash(cluster):
    """Crashes the server; it runs again after the test."""
    yield cluster.stop
    if not cluster.is_running():
        cluster.start()


async def ready(gateway):
    status, body = await get(gateway, "/ready")
    return status, orjson.loads(body)["failing"]


async def until_ready(gateway, wanted):
    async with asyncio.timeout(20):
        while (await ready(gateway))[0] != wanted:
            pass


async def echo(operator, node, node_id, text):
    """A harmless invoke, there and back."""
    request = await post_invoke(operator, node_id, "demo.echo", params={"text": text})
    await respond(node, node_id, payload={"text": text})
    return await finish(operator, request)


async def test_harmless_invokes_go_on_and_are_in_the_trail_afterwards(gateway, cluster, crash):
    node, node_id = await gateway.node(NAMES)
    operator = await gateway.operator()
    crash()
    await until_ready(gateway, 503)
    for number in range(3):
        answer = await echo(operator, node, node_id, f"n{number}")
        assert answer["payload"]["payload"] == {"text": f"n{number}"}
    cluster.start()
    await until_ready(gateway, 200)  # by itself: nobody writes
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert [row.outcome for row in rows if row.kind == "invoke"] == ["ok"] * 3
    assert [row.id for row in rows] == list(range(1, len(rows) + 1))


async def test_what_must_be_stored_first_is_refused_and_may_be_repeated(
    gateway, cluster, crash, store_password
):
    node, node_id = await gateway.node(NAMES)
    operator = await gateway.operator()
    crash()
    requests = {
        "node.rename": {"nodeId": node_id, "displayName": "x"},
        "node.invoke": {"nodeId": node_id, "command": "demo.any", "idempotencyKey": "k", "params": {}},
        "node.pending.enqueue": {
            "nodeId": node_id, "type": "node.invoke", "command": "work.do", "params": {"text": "x"},
        },
    }  # fmt: skip
    for method, params in requests.items():
        code, message, details, retryable = failure(await operator.request(method, params))
        assert (code, details["code"], retryable) == ("UNAVAILABLE", "STORE_FAILED", True), method
        assert "start its server" in message
        assert store_password not in message
    assert await ready(gateway) == (503, ["store"])
    assert node.events == [] or all(e.get("event") != "node.invoke.request" for e in node.events)
    cluster.start()
    await until_ready(gateway, 200)
    await operator.call("node.rename", requests["node.rename"])
    request = await operator.post("node.invoke", requests["node.invoke"])
    await respond(node, node_id, payload={})
    assert (await finish(operator, request))["ok"]
    assert (await operator.call("node.pending.enqueue", requests["node.pending.enqueue"]))["queued"]


async def test_a_stranger_is_told_to_come_again_and_comes_in_afterwards(
    gateway, cluster, crash, store_password
):
    stranger = FakeDevice()
    crash()
    wire = await gateway.wire()
    code, message, details, retryable = failure(await wire.connect(node_params(["demo.any"]), stranger))
    assert (code, details["code"], retryable) == ("UNAVAILABLE", "STORE_FAILED", True)
    assert store_password not in message
    cluster.start()
    await until_ready(gateway, 200)
    wire, _ = await gateway.node(["demo.any"], device=stranger)
    assert wire is not None


async def test_a_known_device_comes_and_goes_without_the_database(gateway, cluster, crash):
    device = FakeDevice()
    node, node_id = await gateway.node(NAMES, device=device)
    operator = await gateway.operator()
    crash()
    await node.socket.close()
    node, _ = await gateway.node(NAMES, device=device, approve=False)
    assert (await echo(operator, node, node_id, "again"))["ok"]


async def test_a_gateway_without_its_database_does_not_start_and_says_why(
    tmp_path, url, crash, store_password
):
    crash()
    told = await asyncio.to_thread(refuse, tmp_path / "state", OPENCLAW_STORE_URL=url)
    assert "opening the database failed" in told
    assert told.rstrip().endswith("start its server, and check gateway.store.url and the way there")
    assert store_password not in told


async def test_doctor_and_backup_name_the_database_and_never_its_password(
    gateway, url, crash, tmp_path, store_password
):
    env, file = environment_of(gateway.settings.state_dir, OPENCLAW_STORE_URL=url), str(tmp_path / "file")
    saved = await run_program(env, "backup", "create", file)
    restored = await run_program(env, "backup", "restore", file)
    crash()
    examined = await run_program(env, "doctor")
    assert [code for code, _ in (saved, restored, examined)] == [1, 1, 1]
    for _, said in (saved, restored):
        assert "the database is PostgreSQL (postgresql://openclaw@/store_" in said
        assert "pg_dump --format=custom" in said
        assert "pg_restore" in said
    assert "fail  database: postgresql://openclaw:***@/store_" in examined[1]
    assert store_password not in saved[1] + restored[1] + examined[1]
    assert not (tmp_path / "file").exists()
