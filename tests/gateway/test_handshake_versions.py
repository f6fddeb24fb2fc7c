"""The protocol range and the first frame's params: PROTOCOL 2.4, 3.2, 4."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_nothing_left, assert_refused, holdings

pytestmark = pytest.mark.anyio

NODE, OPERATOR = node_params, operator_params
PROBE = {"client": {"mode": "probe", "id": "openclaw-probe"}}


@pytest.mark.parametrize(
    ("make", "low", "high", "changes"),
    [
        (OPERATOR, 4, 4, {}),
        (OPERATOR, 1, 9, {}),
        (OPERATOR, 3, 4, {}),
        (NODE, 4, 4, {}),
        (NODE, 3, 3, {}),
        (NODE, 1, 3, {}),
        (OPERATOR, 3, 3, PROBE),
        (OPERATOR, 1, 3, PROBE),
        (OPERATOR, 5, 9, PROBE),
    ],
)
async def test_accepted_ranges(start, make, low, high, changes):
    gateway = await start()
    wire = await gateway.wire()
    params = {**make(**changes), "minProtocol": low, "maxProtocol": high}
    response = await wire.connect(params, FakeDevice())
    assert response["ok"], response
    assert response["payload"]["protocol"] == 4


@pytest.mark.parametrize(
    ("make", "low", "high", "changes"),
    [
        (OPERATOR, 3, 3, {}),
        (OPERATOR, 5, 9, {}),
        (OPERATOR, 1, 3, {}),
        (OPERATOR, 9, 1, {}),
        (NODE, 2, 2, {}),
        (NODE, 5, 5, {}),
        # N-1 is for role node and mode node together.
        (NODE, 3, 3, {"client": {"mode": "ui"}}),
        (OPERATOR, 3, 3, {"client": {"mode": "node"}}),
        (OPERATOR, 1, 2, PROBE),
    ],
)
async def test_refused_ranges(start, make, low, high, changes):
    gateway = await start()
    await assert_refused(
        gateway,
        {**make(token="wrong", **changes), "minProtocol": low, "maxProtocol": high},
        FakeDevice(),
        details={
            "code": "PROTOCOL_MISMATCH",
            "clientMinProtocol": low,
            "clientMaxProtocol": high,
            "expectedProtocol": 4,
            "minimumProbeProtocol": 3,
        },
        begins="protocol mismatch",
        close_code=1002,
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"minProtocol": 0}, "at /minProtocol: must be >= 1"),
        ({"extra": 1}, "at root: unexpected property 'extra'"),
        ({"role": ""}, "at /role: must not have fewer than 1 characters"),
        ({"client": {}}, "at /client: must have required property 'id'"),
        ({"auth": {"tokn": "x"}}, "at /auth: unexpected property 'tokn'"),
        ({"caps": [""]}, "at /caps/0: must not have fewer than 1 characters"),
        ({"permissions": {"camera": "yes"}}, "at /permissions/camera: must be boolean"),
    ],
)
async def test_invalid_params_are_answered_then_closed(start, changes, problem):
    gateway = await start()
    before = holdings(gateway)
    wire = await gateway.wire()
    response = await wire.connect({**operator_params(), **changes})
    message = response["error"]["message"]
    assert response["error"]["code"] == "INVALID_REQUEST"
    assert message.startswith(f"invalid connect params: {problem}")
    code, reason = await wire.closed()
    assert code == 1008
    assert len(reason.encode()) <= 123
    assert message.startswith(reason)
    await assert_nothing_left(gateway, before)


async def test_a_long_reason_is_cut_between_characters(start):
    gateway = await start()
    wire = await gateway.wire()
    response = await wire.connect({**operator_params(), "é" * 200: 1})
    code, reason = await wire.closed()
    assert code == 1008
    assert 121 <= len(reason.encode()) <= 123
    assert response["error"]["message"].startswith(reason)
