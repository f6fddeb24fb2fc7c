"""A device's own rotation in two phases: no lost reply locks it out, whichever it is (PROTOCOL 7, row 15)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openclaw_core.testing import FakeDevice, TestGateway, operator_params

pytestmark = pytest.mark.anyio

SCOPES = ["operator.pairing", "operator.read"]


async def connect(gateway, device, token, scopes=SCOPES):
    wire = await gateway.wire()
    return wire, await wire.connect(operator_params(scopes, auth={"deviceToken": token}), device)


async def paired(gateway, device):
    """The device token of a new operator device."""
    wire = await gateway.wire()
    return (await wire.connect(operator_params(SCOPES), device))["payload"]["auth"]["deviceToken"]


async def rotate(gateway, device, token):
    """Connect with `token` and rotate; the new token as the answer has it."""
    wire, answer = await connect(gateway, device, token)
    assert answer["ok"], answer
    result = await wire.call("device.token.rotate", {"deviceId": device.device_id, "role": "operator"})
    assert (await wire.closed())[0] == 4001
    return result["token"]


async def test_the_answer_of_a_rotation_is_lost_again_and_again(start):
    gateway, device = await start(), FakeDevice()
    held = await paired(gateway, device)
    offered = {await rotate(gateway, device, held) for _ in range(4)}
    assert len(offered) == 1, "the same successor each time, until it was used"
    assert offered != {held}


async def test_the_hello_after_a_rotation_is_lost_too(start):
    gateway, device = await start(), FakeDevice()
    held = await paired(gateway, device)
    successor = await rotate(gateway, device, held)
    for _ in range(3):
        _, answer = await connect(gateway, device, held)
        assert answer["payload"]["auth"]["deviceToken"] == successor
    _, answer = await connect(gateway, device, successor)
    assert answer["ok"]
    _, over = await connect(gateway, device, held)
    assert over["error"]["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"


async def test_an_operators_rotation_ends_a_successor_and_its_predecessor(start):
    gateway, device = await start(), FakeDevice()
    held = await paired(gateway, device)
    successor = await rotate(gateway, device, held)
    admin = await gateway.operator()
    await admin.call("device.token.rotate", {"deviceId": device.device_id, "role": "operator"})
    for token in (held, successor):
        _, answer = await connect(gateway, device, token)
        assert answer["error"]["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.sampled_from(("rotate", "connect", "restart")), st.booleans()), max_size=6))
async def test_a_device_that_keeps_what_arrived_always_gets_in(tmp_path_factory, steps):
    """Any order of rotations, connects and gateway restarts, with any of the answers lost."""
    directory, device = tmp_path_factory.mktemp("state"), FakeDevice()
    gateway = await TestGateway(directory).__aenter__()
    try:
        held = await paired(gateway, device)
        for step, arrives in steps:
            if step == "restart":
                await gateway.__aexit__()
                gateway = await TestGateway(directory).__aenter__()
                continue
            if step == "rotate":
                token = await rotate(gateway, device, held)
            else:
                _, answer = await connect(gateway, device, held)
                token = answer["payload"]["auth"]["deviceToken"]
            held = token if arrives else held
        _, answer = await connect(gateway, device, held)
        assert answer["ok"], answer
    finally:
        await gateway.__aexit__()
