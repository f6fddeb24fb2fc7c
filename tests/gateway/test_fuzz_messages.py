"""Any message, before and after the handshake, as operator and as node (PROTOCOL 2.4, 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_core.testing import FakeDevice, operator_params
from tests.gateway.mutants import BIG, DEPTHS, JSON, encode, messages
from tests.gateway.strangers import Lab, Stranger, build_frame, split

MANY = settings(max_examples=200, deadline=None)
CUTS = st.lists(st.integers(0, 1 << 20), max_size=5)
Messages = list[tuple[int, bytes]]


def _frames(said: Messages, cuts: list[int]) -> list[bytes]:
    return split(b"".join(build_frame(opcode, payload) for opcode, payload in said), cuts)


# Before the handshake

_DEVICE = FakeDevice(b"7" * 32)
_CLIENT = {
    "id": "cli",
    "version": "1",
    "platform": "linux",
    "deviceFamily": "Linux",
    "mode": "cli",
    "displayName": "Any",
}
_CONNECT = {
    "minProtocol": 4,
    "maxProtocol": 4,
    "client": _CLIENT,
    "role": "operator",
    "scopes": ["operator.read"],
    "caps": ["demo"],
    "commands": ["demo.any"],
    "permissions": {"camera": True},
    "pathEnv": "/bin",
    "auth": {"token": "test-token-0123456789", "deviceToken": "x", "password": "y"},
    "locale": "en",
    "userAgent": "x",
}


def test_any_first_message_gets_hello_or_a_documented_refusal(tmp_path: Path) -> None:
    first = messages({"connect": _CONNECT, "node.list": {}})
    with Lab(tmp_path) as lab:

        @MANY
        @given(said=first, cuts=CUTS)
        def example(said: Messages, cuts: list[int]) -> None:
            lab.run(_knock(lab, _frames(said, cuts)))

        example()


async def _knock(lab: Lab, pieces: list[bytes]) -> None:
    async with lab.stranger() as stranger:
        await stranger.upgrade()
        await stranger.say(*pieces)
        hello = await stranger.first_answer()
        if hello is None or not hello["ok"]:
            await stranger.listen()
            assert stranger.close is not None, "refused without a close frame"
    await lab.check_unharmed((), stranger)


@st.composite
def proofs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Connect params that are signed as they stand, and what is then changed in the proof."""
    role = draw(st.sampled_from(["node", "operator"]))
    client = {**_CLIENT, **draw(st.dictionaries(st.sampled_from(sorted(_CLIENT)), _TEXTS, max_size=2))}
    params = {**_CONNECT, "role": role, "client": client, "scopes": draw(_NAMES), "commands": draw(_NAMES)}
    auth = draw(
        st.sampled_from([{"token": "test-token-0123456789"}, {"deviceToken": "x"}, {"token": "é"}, {}])
    )
    fields = st.sampled_from(["id", "publicKey", "signature", "signedAt", "nonce"])
    return {**params, "auth": auth}, draw(st.dictionaries(fields, JSON, max_size=1))


_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    ["|", "a|b", "\x00", "İ", "ß" * 300, "node-host", "openclaw-ios", "iOS 18"]
)
_NAMES = st.lists(
    st.sampled_from(["operator.read", "operator.admin", "x" * 300, "demo.any", "é", "a|b"]), max_size=4
)


def test_any_signed_connect_gets_hello_or_a_documented_refusal(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:

        @MANY
        @given(signed=proofs())
        def example(signed: tuple[dict[str, Any], dict[str, Any]]) -> None:
            lab.run(_knock_signed(lab, *signed))

        example()


async def _knock_signed(lab: Lab, params: dict[str, Any], changes: dict[str, Any]) -> None:
    async with lab.stranger() as stranger:
        challenge = await stranger.upgrade()
        proof = _DEVICE.prove(params, challenge["nonce"], challenge["ts"])
        body = {
            "type": "req",
            "id": "1",
            "method": "connect",
            "params": {**params, "device": {**proof, **changes}},
        }
        await stranger.say(build_frame(1, encode(body)))
        hello = await stranger.first_answer()
        if hello is None or not hello["ok"]:
            await stranger.listen()
            assert stranger.close is not None, "refused without a close frame"
    await lab.check_unharmed((), stranger)


# After the handshake


def _operator_requests(node_id: str) -> dict[str, dict[str, Any]]:
    gone = {"requestId": "none"}
    return {
        "node.invoke": {
            "nodeId": node_id,
            "command": "demo.any",
            "params": {"text": "x"},
            "idempotencyKey": "key",
            "timeoutMs": 5_000,
            "sessionKey": "s",
            "turnSourceThreadId": 1,
        },
        "node.invoke ": {"nodeId": node_id, "command": "demo.echo", "params": {"text": "x"}},
        "node.list": {},
        "node.describe": {"nodeId": node_id},
        "node.rename": {"nodeId": node_id, "displayName": "New"},
        "node.pair.list": {},
        "node.pair.approve": gone,
        "node.pair.reject": gone,
        "node.pair.remove": {"nodeId": "none"},
        "device.pair.list": {},
        "device.pair.approve": gone,
        "device.pair.reject": gone,
        "device.pair.remove": {"deviceId": "none"},
        "device.pair.rename": {"deviceId": node_id, "label": "New"},
        "device.token.rotate": {"deviceId": "none", "role": "node", "scopes": ["operator.read"]},
        "device.token.revoke": {"deviceId": "none", "role": "node"},
        "connect": _CONNECT,
        "health": {},
        "status": {},
        "system-presence": {},
    }


def test_any_message_of_an_operator_is_answered_or_closes(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        said_by_operators = messages(_operator_requests(lab.node_id))

        @MANY
        @given(said=said_by_operators, cuts=CUTS)
        def example(said: Messages, cuts: list[int]) -> None:
            # The same key again would be answered from memory.
            fresh = [
                (opcode, payload.replace(b'"key"', b'"%b"' % uuid4().hex.encode()))
                for opcode, payload in said
            ]
            lab.run(_ask(lab, _frames(fresh, cuts)))

        example()


async def _ask(lab: Lab, pieces: list[bytes]) -> None:
    async with lab.stranger() as stranger:
        await stranger.connect(operator_params())
        await stranger.say(*pieces)
        await _ends_well(stranger)
    await lab.check_unharmed((), stranger)


async def _ends_well(stranger: Stranger) -> None:
    """The connection still answers, or it was closed with a code."""
    await stranger.request("health")
    if await stranger.answer("health") is None:
        assert stranger.close is not None, "gone without a close frame"


ODDITIES = [f"deep:{depth}" for depth in DEPTHS] + list(BIG) + [float("nan"), float("inf"), "\ud800", "\x00"]


def test_every_oddity_as_params_and_as_payload_is_answered(tmp_path: Path) -> None:
    """Nesting at the borders of the JSON library, and numbers beyond 64 bits, both ways."""
    with Lab(tmp_path) as lab:
        for oddity in ODDITIES:
            lab.run(_ask_oddly(lab, oddity))


async def _ask_oddly(lab: Lab, oddity: Any) -> None:
    async with lab.stranger() as stranger:
        await stranger.connect(operator_params())
        for place in (
            {"params": oddity},
            {"params": {"text": oddity}},
            {"idempotencyKey": oddity},
            {"x": oddity},
        ):
            wanted = {
                **_operator_requests(lab.node_id)["node.invoke"],
                "idempotencyKey": str(uuid4()),
                **place,
            }
            text = encode({"type": "req", "id": "1", "method": "node.invoke", "params": wanted})
            await stranger.say(build_frame(1, text))
        await _ends_well(stranger)
    await lab.check_unharmed((), stranger)


def _node_requests(node_id: str) -> dict[str, dict[str, Any]]:
    skill = {"name": "skill", "description": "d", "content": "c"}
    tool = {"pluginId": "p", "name": "tool", "description": "d", "parameters": {}, "command": "demo.any"}
    return {
        "node.invoke.result": {"id": "flight", "nodeId": node_id, "ok": True, "payload": {"text": "x"}},
        "node.invoke.result ": {"id": "flight", "nodeId": node_id, "ok": True, "payloadJSON": '{"text":"x"}'},
        "node.invoke.result  ": {
            "id": "flight",
            "nodeId": node_id,
            "ok": False,
            "error": {"code": "UNAVAILABLE", "message": "no"},
        },
        "node.event": {"event": "node.presence.alive", "payload": {"trigger": "launch", "sentAtMs": 1}},
        "node.event ": {
            "event": "node.host.stats",
            "payload": {
                "cpuCount": 1,
                "memoryTotalBytes": 2,
                "memoryFreeBytes": 1,
                "loadAverage": [1.0, 1.0, 1.0],
            },
        },
        "node.event  ": {"event": "demo", "payloadJSON": "{}"},
        "node.pluginTools.update": {"tools": [tool]},
        "node.skills.update": {"skills": [skill]},
        "node.runnerInventory.update": {"protocolFeatures": ["x"], "workerHost": {"enabled": False}},
        "node.list": {},
        "health": {},
    }


def test_any_message_of_a_node_is_answered_or_closes(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        said_by_nodes = messages(_node_requests(lab.device.device_id))

        @MANY
        @given(said=said_by_nodes, cuts=CUTS, command=st.sampled_from(["demo.any", "demo.echo"]))
        def example(said: Messages, cuts: list[int], command: str) -> None:
            lab.run(_work(lab, said, cuts, command))

        example()


async def _work(lab: Lab, said: Messages, cuts: list[int], command: str) -> None:
    """A node that holds an invoke says anything; the caller gets an answer in the end."""
    wanted = {
        "nodeId": lab.device.device_id,
        "command": command,
        "idempotencyKey": str(uuid4()),
        "params": {"text": "x"},
    }
    async with lab.stranger() as stranger:
        await stranger.connect(lab.node_params(), lab.device)
        asked = await lab.bystander.post("node.invoke", wanted)
        flight = (await stranger.event("node.invoke.request"))["id"].encode()
        known = [(opcode, payload.replace(b'"flight"', b'"%b"' % flight)) for opcode, payload in said]
        await stranger.say(*_frames(known, cuts))
        await _ends_well(stranger)
    answer = await lab.bystander.request("", request_id=asked)
    assert answer["ok"] or answer["error"]["details"].get("code") != "INTERNAL", answer
    await lab.check_unharmed((), stranger)


def test_every_valid_request_is_understood_before_it_is_mutated(tmp_path: Path) -> None:
    """The mutants start from requests that reach their services."""
    with Lab(tmp_path) as lab:
        lab.run(_understood(lab))


async def _understood(lab: Lab) -> None:
    async with lab.stranger() as stranger:
        await stranger.connect(operator_params())
        for name, params in _operator_requests(lab.node_id).items():
            await stranger.say(
                build_frame(1, encode({"type": "req", "id": name, "method": name, "params": params}))
            )
            answer = await stranger.answer(name)
            problem = str((answer or {}).get("error", {}).get("message", ""))
            assert not problem.startswith(f"invalid {name} params"), problem
    await lab.check_unharmed((), stranger)
