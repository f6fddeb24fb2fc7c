"""Every hook of `hookspecs.py` over real sockets, and hooks that break."""

import pytest

from openclaw_core import Command, Family, hookimpl
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.errors import InvalidRequestError, UnavailableError

from .conftest import Anything, Text
from .invoking import (
    assert_audited,
    assert_settled,
    failure,
    finish,
    invoke,
    post_invoke,
    respond,
)

pytestmark = pytest.mark.anyio

FAULT = "the family of {} failed on the gateway; the gateway's log has the details"


class Lab:
    """A family of one test; what it does on a hook is given as keyword arguments."""

    def __init__(self, **behaviour):
        self.behaviour = behaviour
        self.seen = []

    def act(self, name, *facts):
        self.seen.append((name, *facts))
        return self.behaviour.get(name, lambda *_: None)(*facts)

    @hookimpl
    def openclaw_family(self):
        commands = (
            Command("lab.echo", Text, Text, platforms=ALL_PLATFORMS),
            Command("lab.any", Anything, Anything, platforms=ALL_PLATFORMS),
        )
        return Family("lab", "Lab", commands)

    @hookimpl
    def openclaw_validate_invoke(self, invocation):
        return self.act("validate_invoke", invocation)

    @hookimpl
    def openclaw_validate_result(self, invocation, result):
        return self.act("validate_result", invocation, result)

    @hookimpl
    def openclaw_authorize_invoke(self, invocation):
        return self.act("authorize", invocation)

    @hookimpl
    def openclaw_node_event(self, node, event, payload):
        return self.act("event", node, event, payload)

    @hookimpl
    def openclaw_node_connected(self, node):
        self.act("connected", node)

    @hookimpl
    def openclaw_node_disconnected(self, node):
        self.act("disconnected", node)

    @hookimpl
    def openclaw_surface_changed(self, node, before):
        self.act("surface_changed", node, before)

    def names(self):
        return [name for name, *_ in self.seen]


async def set_up(start, *labs, declared=("lab.echo", "lab.any", "demo.any")):
    gateway = await start(extra=labs)
    node, node_id = await gateway.node(list(declared))
    return gateway, node, node_id, await gateway.operator()


def explode(*_):
    raise RuntimeError("secret of the family")


# Params and results


async def test_validate_invoke_changes_what_the_node_gets(start):
    lab = Lab(validate_invoke=lambda invocation: {"text": invocation.params["text"].upper()})
    gateway, node, node_id, operator = await set_up(start, lab)
    request_id = await post_invoke(operator, node_id, "lab.echo", params={"text": "hi"})
    request = await respond(node, node_id, payload={"text": "HI"})
    assert request["paramsJSON"] == '{"text":"HI"}'
    assert (await finish(operator, request_id))["ok"] is True
    (invocation,) = [facts[0] for name, *facts in lab.seen if name == "validate_invoke"]
    assert (invocation.node_id, invocation.command) == (node_id, "lab.echo")
    assert invocation.caller.client_id == "cli"
    assert_settled(gateway)


async def test_validate_invoke_refuses(start):
    def refuse(_):
        raise InvalidRequestError("invalid lab.echo params: at /text: must rhyme", {"command": "lab.echo"})

    gateway, _, node_id, operator = await set_up(start, Lab(validate_invoke=refuse))
    assert failure(await invoke(operator, node_id, "lab.echo", params={"text": "hi"})) == (
        "INVALID_REQUEST",
        "invalid lab.echo params: at /text: must rhyme",
        {"command": "lab.echo"},
        None,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "lab.echo", "refused", "INVALID_REQUEST")


async def test_validate_result_changes_what_the_caller_gets(start):
    lab = Lab(validate_result=lambda _, result: {"text": result["text"] + "!"})
    gateway, node, node_id, operator = await set_up(start, lab)
    request_id = await post_invoke(operator, node_id, "lab.echo", params={"text": "hi"})
    await respond(node, node_id, payloadJSON='{"text":"hi"}')
    assert (await finish(operator, request_id))["payload"]["payload"] == {"text": "hi!"}
    assert_settled(gateway)


async def test_validate_result_fails_the_invoke(start):
    def fail(_, __):
        raise UnavailableError("the lamp burnt out", {"code": "LAMP"}, retryable=True)

    gateway, node, node_id, operator = await set_up(start, Lab(validate_result=fail))
    request_id = await post_invoke(operator, node_id, "lab.any")
    await respond(node, node_id)
    details = {"code": "LAMP", "outcome": "unknown"}
    expected = ("UNAVAILABLE", "the lamp burnt out", details, True)
    assert failure(await finish(operator, request_id)) == expected
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "lab.any", "failed", "LAMP")


async def test_validation_hooks_are_for_the_owners_commands_only(start):
    lab = Lab(validate_invoke=explode, validate_result=explode)
    _, node, node_id, operator = await set_up(start, lab)
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True
    assert "validate_invoke" not in lab.names()


# Authorization


async def test_any_family_denies_any_command(start):
    denial = InvalidRequestError("not on Sundays", {"reason": "sunday"})
    lab = Lab(authorize=lambda invocation: denial if invocation.command == "demo.any" else None)
    gateway, node, node_id, operator = await set_up(start, lab)
    expected = ("INVALID_REQUEST", "not on Sundays", {"reason": "sunday"}, None)
    assert failure(await invoke(operator, node_id, "demo.any")) == expected
    await assert_audited(gateway, node_id, "demo.any", "refused", "sunday")
    request_id = await post_invoke(operator, node_id, "lab.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True
    assert_settled(gateway)


async def test_a_family_cannot_grant(start):
    lab = Lab(authorize=lambda _: None)
    _, _, node_id, operator = await set_up(start, lab)
    response = await invoke(operator, node_id, "demo.risky")
    assert response["error"]["details"]["reason"] == "command not allowlisted"
    assert lab.names().count("authorize") == 0


# Hooks that break


@pytest.mark.parametrize(
    "behaviour",
    [
        {"validate_invoke": explode},
        {"validate_invoke": lambda _: object()},
        {"authorize": explode},
        {"authorize": lambda _: "denied"},
    ],
)
async def test_broken_hook_before_the_node(start, behaviour):
    gateway, _, node_id, operator = await set_up(start, Lab(**behaviour))
    assert failure(await invoke(operator, node_id, "lab.any", timeoutMs=60_000)) == (
        "UNAVAILABLE",
        FAULT.format("lab.any"),
        {"code": "FAMILY_FAULT", "command": "lab.any", "outcome": "not-dispatched"},
        None,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "lab.any", "refused", "FAMILY_FAULT")
    assert (await operator.call("health", {}))["ok"] is True


@pytest.mark.parametrize("behaviour", [explode, lambda *_: object()])
async def test_broken_hook_after_the_node(start, behaviour):
    gateway, node, node_id, operator = await set_up(start, Lab(validate_result=behaviour))
    request_id = await post_invoke(operator, node_id, "lab.any", timeoutMs=60_000)
    await respond(node, node_id)
    assert failure(await finish(operator, request_id)) == (
        "UNAVAILABLE",
        FAULT.format("lab.any"),
        {"code": "FAMILY_FAULT", "command": "lab.any", "outcome": "unknown"},
        None,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "lab.any", "failed", "FAMILY_FAULT")
    # Neither the node nor the other family notices.
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True


async def test_broken_notifications(start):
    """Connecting, approving and leaving work though a family breaks on each of them."""
    broken = Lab(connected=explode, disconnected=explode, surface_changed=explode)

    class Watcher:
        def __init__(self):
            self.seen = []

        @hookimpl
        def openclaw_family(self):
            return Family("watcher", "Watcher", ())

        @hookimpl
        def openclaw_node_connected(self, node):
            self.seen.append(("connected", node.node_id))

        @hookimpl
        def openclaw_node_disconnected(self, node):
            self.seen.append(("disconnected", node.node_id))

    watcher = Watcher()
    _, node, node_id, operator = await set_up(start, broken, watcher)
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    assert watcher.seen == [("connected", node_id), ("disconnected", node_id)]
    assert broken.names() == ["connected", "surface_changed", "disconnected"]


# Node events


async def test_node_event(start):
    lab = Lab(event=lambda node, event, payload: {"ok": True, "saw": payload})
    _, node, node_id, _ = await set_up(start, lab)
    answer = await node.call("node.event", {"event": "lab.moved", "payloadJSON": '{"x":1}'})
    assert answer == {"ok": True, "saw": {"x": 1}}
    (facts,) = [facts for name, *facts in lab.seen if name == "event"]
    assert (facts[0].node_id, facts[1]) == (node_id, "lab.moved")
    assert facts[0].commands == {"lab.echo", "lab.any", "demo.any"}
    assert await node.call("node.event", {"event": "lab.moved", "payload": [2]}) == {"ok": True, "saw": [2]}


async def test_node_event_of_a_family_that_breaks(start):
    class Second(Lab):
        @hookimpl
        def openclaw_family(self):
            return Family("second", "Second", ())

    handled = Second(event=lambda _, event, __: {"ok": True} if event == "second.event" else None)
    _, node, _, operator = await set_up(start, Lab(event=explode), handled)
    assert await node.call("node.event", {"event": "second.event"}) == {"ok": True}
    unsupported = await node.call("node.event", {"event": "nobody.knows"})
    assert unsupported["reason"] == "unsupported_event"
    assert (await operator.call("health", {}))["ok"] is True


async def test_node_event_answered_with_what_is_not_json(start):
    _, node, _, _ = await set_up(start, Lab(event=lambda *_: {"ok": object()}))
    response = await node.request("node.event", {"event": "lab.moved"})
    assert failure(response)[2] == {"code": "INTERNAL"}
    assert (await node.call("health", {}))["ok"] is True


# Notifications


async def test_life_of_a_node(start):
    lab = Lab()
    gateway = await start(extra=[lab])
    node, node_id = await gateway.node(["lab.any"], approve=False)
    operator = await gateway.operator()
    assert lab.names() == ["connected"]
    assert lab.seen[0][1].commands == frozenset()
    await gateway.approve_surface(node_id)
    name, view, before = lab.seen[1]
    assert (name, view.node_id, view.display_name, view.platform) == (
        "surface_changed",
        node_id,
        "Test Node",
        "linux",
    )
    assert (before, view.commands, view.caps) == (frozenset(), {"lab.any"}, {"demo"})
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    assert lab.names() == ["connected", "surface_changed", "disconnected"]


async def test_replaced_socket_is_no_disconnect(start):
    from openclaw_core.testing import FakeDevice

    lab, device = Lab(), FakeDevice()
    gateway = await start(extra=[lab])
    old, _ = await gateway.node(["lab.any"], device=device)
    await gateway.node(["lab.any"], device=device)
    await old.closed()
    assert lab.names() == ["connected", "surface_changed", "connected"]


async def test_changed_policy_is_a_changed_surface(start):
    lab = Lab()
    gateway, _, node_id, _ = await set_up(start, lab, declared=["lab.any", "lab.echo"])
    runtime = gateway.server.gateway.runtime
    from openclaw_core.config import GatewayConfig

    runtime.reload(GatewayConfig.model_validate({"nodes": {"commands": {"deny": ["lab.any"]}}}))
    name, view, before = lab.seen[-1]
    assert (name, view.node_id, view.commands) == ("surface_changed", node_id, {"lab.echo"})
    assert before == {"lab.any", "lab.echo"}
    runtime.reload(GatewayConfig.model_validate({"nodes": {"commands": {"deny": ["lab.any", "x"]}}}))
    assert lab.names().count("surface_changed") == 2


async def test_result_model_runs_before_the_hook(start):
    lab = Lab(validate_result=explode)
    _, node, node_id, operator = await set_up(start, lab)
    request_id = await post_invoke(operator, node_id, "lab.echo", params={"text": "x"})
    await respond(node, node_id, payload={"text": 1})
    details = failure(await finish(operator, request_id))[2]
    assert details["code"] == "INVALID_RESULT"
    assert details["problems"] == [{"path": "/text", "problem": "must be string", "got": "1"}]
    assert "validate_result" not in lab.names()
