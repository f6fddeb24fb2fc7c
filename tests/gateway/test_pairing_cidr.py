"""Trusted networks: first-time nodes only, their device only: PROTOCOL 6.4 `trusted-cidr`."""

from __future__ import annotations

import pytest

from openclaw_core.errors import NotPairedError
from openclaw_core.gateway.peer import Peer
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import TOKEN, FakeDevice, node_params, now_ms, operator_params

pytestmark = pytest.mark.anyio

LAN = {"nodes.pairing.autoApproveCidrs": ["10.0.0.0/8"], "trustedProxies": ["127.0.0.1", "192.0.2.1"]}
NONCE = "nonce"
INSIDE = Peer("10.1.2.3", False, None, "gw")


async def knock(gateway, peer, params=None, device=None):
    """What the handshake decides about a connect from `peer`; no socket of this host is a network's."""
    device, params = device or FakeDevice(), params or node_params(["demo.echo"])
    params = {**params, "device": device.prove(params, NONCE, now_ms())}
    handshake = gateway.server.gateway.handshake
    async with gateway.server.gateway.runtime.registry.lock(device.device_id):
        admission = await handshake.admit("conn", NONCE, peer, ConnectParams.model_validate(params))
    return admission, device


async def test_a_new_node_of_the_network_pairs_by_itself(start):
    gateway = await start(LAN)
    admin = await gateway.operator()
    admission, device = await knock(gateway, INSIDE)
    assert admission.silent
    (row,) = (await admin.call("device.pair.list"))["paired"]
    assert (row["approvedVia"], row["remoteIp"], row["roles"]) == ("trusted-cidr", "10.1.2.3", ["node"])
    assert "nodeSurface" not in row, "what it may do still waits for a person"
    assert not [frame for frame in admin.events if frame["event"].startswith("device.pair")]
    trail = await gateway.server.gateway.runtime.store.load(AuditEvent)
    (entry,) = [item for item in trail if item.kind == "device.approve"]
    assert (entry.actor, entry.subject) == ("rule:trusted-cidr", device.device_id)


@pytest.mark.parametrize(
    "peer",
    [
        Peer("11.1.2.3", False, None, "gw"),
        Peer("10.1.2.3", False, None, "gw", proxied_by_loopback=True),
    ],
)
async def test_not_from_elsewhere_and_not_on_a_local_programs_word(start, peer):
    gateway = await start(LAN)
    with pytest.raises(NotPairedError) as refused:
        await knock(gateway, peer)
    assert refused.value.details["reason"] == "not-paired"


@pytest.mark.parametrize(
    "params",
    [
        operator_params(["operator.read"]),
        node_params(scopes=["operator.read"]),
    ],
)
async def test_only_nodes_without_scopes(start, params):
    gateway = await start(LAN)
    with pytest.raises(NotPairedError):
        await knock(gateway, INSIDE, params)


async def test_only_the_first_time(start):
    gateway, device = await start(LAN), FakeDevice()
    admin = await gateway.operator()
    await knock(gateway, INSIDE, device=device)
    await admin.call("device.token.revoke", {"deviceId": device.device_id, "role": "node"})
    with pytest.raises(NotPairedError) as refused:
        await knock(gateway, INSIDE, device=device)
    assert refused.value.details["reason"] == "role-upgrade"


async def test_a_wrong_token_gets_nobody_in(start):
    gateway = await start(LAN)
    with pytest.raises(Exception, match="gateway token mismatch"):
        await knock(gateway, INSIDE, node_params(token="wrong" + TOKEN))


async def test_a_network_must_be_one(start):
    with pytest.raises(Exception, match="autoApproveCidrs"):
        await start({"nodes.pairing.autoApproveCidrs": ["10.0.0.0/99"]})


async def test_the_life_of_a_request_can_be_set(start):
    gateway = await start({"nodes.pairing": {"autoApproveLocal": False, "requestTtlMs": 60_000}})
    wire = await gateway.wire()
    await wire.connect(node_params(), FakeDevice())
    (row,) = gateway.server.gateway.runtime.registry.pair_requests.values()
    assert row.expires_at_ms - row.ts_ms == 60_000
