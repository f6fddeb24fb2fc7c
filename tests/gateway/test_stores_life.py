"""A whole gateway over each store: everything it answered for is there after a restart."""

import orjson
import pytest
from sqlalchemy import text

from openclaw_core.store.engine import open_engine
from openclaw_core.testing import TOKEN, FakeDevice, TestGateway, plugins_of

from .conftest import DEMO
from .invoking import finish, respond
from .processes import GatewayProcess, environment_of, run_program
from .queueing import COMMANDS, Work, acked, enqueue_invoke, item, leave, pulled

pytestmark = pytest.mark.anyio
NAMES = [*COMMANDS, "demo.echo", "demo.any"]


@pytest.fixture
def overrides(store_url):
    """What a person configures: nothing for the file, the URL for the server."""
    return {} if store_url.startswith("sqlite") else {"store.url": store_url}


@pytest.fixture
def serve(tmp_path, overrides):
    """Makes the gateway of one state directory; a second one is its restart."""
    return lambda: TestGateway(tmp_path / "state", plugins_of(DEMO, extra=[Work]), overrides)


@pytest.fixture
def env(tmp_path, overrides):
    """A shell on the gateway's machine."""
    return environment_of(tmp_path / "state", OPENCLAW_GATEWAY_TOKEN=TOKEN, **variables(overrides))


def variables(overrides):
    return {"OPENCLAW_STORE_URL": overrides["store.url"]} if overrides else {}


async def use(gateway, device):
    """Pair, approve, invoke, leave work, do some of it; what must be there afterwards."""
    node, node_id = await gateway.node(NAMES, device=device)
    operator = await gateway.operator()
    await operator.call("node.rename", {"nodeId": node_id, "displayName": "Küche 'x' %s"})
    answer = await respond_to(operator, node, node_id, "k1")
    done = await enqueue_invoke(operator, node_id, "done")
    assert [action["id"] for action in await pulled(node)] == [done]
    await acked(node, done, results=[{"id": done, "ok": True, "payloadJSON": '{"text": "did"}'}])
    await leave(gateway, node, node_id)
    normal = await enqueue_invoke(operator, node_id, "first")
    urgent = await enqueue_invoke(operator, node_id, "second", priority="high")
    return node_id, answer, done, [urgent, normal]


async def respond_to(operator, node, node_id, key):
    """An invoke that must not run twice."""
    request = await operator.post(
        "node.invoke", {"nodeId": node_id, "command": "demo.any", "idempotencyKey": key, "params": {"a": 1}}
    )
    await respond(node, node_id, payload={"ran": "once"})
    return (await finish(operator, request))["payload"]["payload"]


async def test_pairing_approval_invokes_and_waiting_work_survive_a_restart(serve):
    device = FakeDevice()
    async with serve() as gateway:
        node_id, answer, done, waiting = await use(gateway, device)
        before = await (await gateway.operator()).call("node.describe", {"nodeId": node_id})
    async with serve() as gateway:
        operator = await gateway.operator()
        after = await operator.call("node.describe", {"nodeId": node_id})
        for key in ("displayName", "paired", "approvalState", "commands", "caps", "approvedAtMs"):
            assert after.get(key) == before.get(key)
        assert (await item(operator, done))["payload"] == {"text": "did"}
        node, _ = await gateway.node(NAMES, device=device, approve=False)
        actions = await pulled(node)
        assert [action["id"] for action in actions] == waiting
        assert (await acked(node, *waiting))["remainingCount"] == 0
        assert await pulled(node) == []
        repeated = await operator.request(
            "node.invoke",
            {"nodeId": node_id, "command": "demo.any", "idempotencyKey": "k1", "params": {"a": 1}},
        )
        assert repeated["payload"]["payload"] == answer  # from the record: the node was not asked
        echoed = await operator.post(
            "node.invoke",
            {"nodeId": node_id, "command": "demo.echo", "idempotencyKey": "k2", "params": {"text": "x"}},
        )
        await respond(node, node_id, payload={"text": "x"})
        assert (await finish(operator, echoed))["ok"]


async def test_the_trail_is_whole_and_doctor_is_content(serve, env, store_password):
    async with serve() as gateway:
        await use(gateway, FakeDevice())
        env["OPENCLAW_GATEWAY_PORT"] = str(gateway.server.port)
        code, verified = await run_program(env, "audit", "verify", "--json")
        assert (code, orjson.loads(verified)["ok"]) == (0, True), verified
        assert orjson.loads(verified)["rows"] > 5
        code, examined = await run_program(env, "doctor", "--json")
        assert code == 0, examined
        (database,) = [found for found in orjson.loads(examined)["findings"] if found["check"] == "database"]
        assert database["status"] == "ok"
        assert "whole, schema " in database["text"]
        assert store_password not in verified + examined


async def test_a_changed_row_shows_wherever_it_is(serve, env):
    async with serve() as gateway:
        await use(gateway, FakeDevice())
    engine = open_engine(gateway.settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_event SET actor = 'nobody' WHERE id = 2"))
    engine.dispose()
    code, verified = await run_program(env, "audit", "verify")
    assert code == 1
    assert "row 2 was changed" in verified


async def test_a_process_is_killed_and_its_successor_knows_everything(tmp_path, overrides, store_password):
    urls, device, state = variables(overrides), FakeDevice(), tmp_path / "state"
    async with GatewayProcess.start(state, **urls) as gateway:
        gateway.secrets.add(store_password)
        _, hello = await gateway.node(device)
        await gateway.kill()
    async with GatewayProcess.start(state, **urls) as gateway:
        gateway.secrets.add(store_password)
        _, again = await gateway.node(device, {"deviceToken": hello["auth"]["deviceToken"]})
        assert again["auth"]["deviceToken"] == hello["auth"]["deviceToken"]
        await gateway.stop()
