"""Being taken for a program of the gateway's own machine, which is approved without a person (1.1, 6.4)."""

from __future__ import annotations

import socket

import orjson
import psutil
import pytest
from websockets.exceptions import InvalidStatus

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeDevice, Wire, node_params, operator_params
from tests.gateway.leftovers import assert_nothing_left, assert_refused, auth_details, holdings

from .evidence import assert_in_trail, assert_wait_in_trail

pytestmark = pytest.mark.anyio

PROXIED = {"trustedProxies": ["127.0.0.1"]}


def own_address():
    """An address of this machine that is not a loopback one; None without a network."""
    found = [item.address for items in psutil.net_if_addrs().values() for item in items
             if item.family == socket.AF_INET and not item.address.startswith("127.")]  # fmt: skip
    return found[0] if found else None


async def assert_waits_for_a_person(gateway, wire, ip):
    """No silent approval, no scopes of the local CLI; the request and the trail show the address."""
    device = FakeDevice()
    error = (await wire.connect(node_params(), device))["error"]
    assert (error["code"], error["details"]["reason"]) == ("NOT_PAIRED", "not-paired")
    assert (await wire.closed())[0] == 1008
    operator = await gateway.operator()
    (request,) = (await operator.call("device.pair.list"))["pending"]
    assert request["remoteIp"] == ip
    await assert_wait_in_trail(gateway, device, "not-paired", ip=ip)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_forged_locality_by_host(start, host):
    """A machine of the network says `Host: localhost`; its socket says where it is."""
    ip = own_address()
    if ip is None:
        pytest.skip("this machine has no address besides loopback")
    gateway = await start({"bind": "lan"})
    port = gateway.server.port
    url = f"ws://{host}:{port}"
    async with Wire.open(url, host=ip, port=port) as wire:
        await assert_waits_for_a_person(gateway, wire, ip)
    async with Wire.open(url, host=ip, port=port) as wire:
        hello = await wire.connect(operator_params())
        assert hello["payload"]["auth"]["scopes"] == [], "cli/cli without device is trusted from here only"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("overrides", [{}, {"trustedProxies": ["203.0.113.1", "10.0.0.0/8"]}])
async def test_forged_locality_by_forwarding_headers(start, name, overrides):
    gateway = await start(overrides)
    before = holdings(gateway)
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers={name: "127.0.0.1"})
    response = refusal.value.response
    assert response.status_code == 403
    error = orjson.loads(response.body)["error"]
    assert error["type"] == "proxy_attribution_required"
    assert error["message"].startswith("Proxy client attribution is required")
    await assert_nothing_left(gateway, before)
    await assert_in_trail(gateway, "upgrade", "HTTP_403", actor="unknown", ip="127.0.0.1")


@pytest.mark.parametrize(
    ("headers", "ip"),
    [
        ({"X-Forwarded-For": "203.0.113.60"}, "203.0.113.60"),
        ({"X-Real-IP": "203.0.113.60"}, "203.0.113.60"),
        ({"X-Forwarded-For": "127.0.0.1, 203.0.113.60"}, "203.0.113.60"),
        ({"X-Forwarded-For": "203.0.113.60, 127.0.0.1"}, "203.0.113.60"),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1"),
        ({"X-Forwarded-For": "2001:db8::7", "X-Real-IP": "2001:db8:0::7"}, "2001:db8::7"),
        ({"X-Forwarded-For": "203.0.113.60", "X-Real-IP": "127.0.0.1"}, "203.0.113.60"),
        ({"X-Forwarded-For": "203.0.113.60", "Forwarded": "for=127.0.0.1"}, "203.0.113.60"),
    ],
)
async def test_forged_locality_through_a_trusted_proxy(start, headers, ip):
    """The client that the proxy names counts, never the proxy's own loopback."""
    gateway = await start(PROXIED)
    await assert_waits_for_a_person(gateway, await gateway.wire(additional_headers=headers), ip)
    wire = await gateway.wire(additional_headers=headers)
    hello = await wire.connect(operator_params())
    assert hello["payload"]["auth"]["scopes"] == [], "cli/cli without device is trusted from this host only"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "unknown"},
        {"Forwarded": "for=203.0.113.60"},
        # A proxy that sets X-Real-IP and passes on the X-Forwarded-For that the client made up.
        {"X-Forwarded-For": "192.168.1.7", "X-Real-IP": "203.0.113.60"},
        {"X-Forwarded-For": "203.0.113.60, 192.168.1.7", "X-Real-IP": "203.0.113.60"},
    ],
)
async def test_forged_client_address_through_a_careless_proxy(start, headers):
    gateway = await start({**PROXIED, "nodes.pairing.autoApproveCidrs": ["192.168.0.0/16"]})
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers=headers)
    assert refusal.value.response.status_code == 403
    await assert_in_trail(gateway, "upgrade", "HTTP_403", actor="unknown", ip="127.0.0.1")


async def test_two_forwarding_headers_of_one_name(start):
    gateway = await start(PROXIED)
    twice = [("X-Real-IP", "203.0.113.60"), ("X-Real-IP", "192.168.1.7")]
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers=twice)
    assert refusal.value.response.status_code == 400
    await assert_in_trail(gateway, "upgrade", "HTTP_400", actor="unknown", ip="127.0.0.1")


async def test_trusted_network_claimed_by_a_local_program(start):
    """A proxy on this host is trusted, and so any local program can claim an address of the LAN."""
    lan = {"nodes.pairing.autoApproveCidrs": ["10.0.0.0/8"], "nodes.pairing.autoApproveLocal": False}
    gateway = await start({**PROXIED, **lan})
    wire = await gateway.wire(additional_headers={"X-Forwarded-For": "10.1.2.3"})
    await assert_waits_for_a_person(gateway, wire, "10.1.2.3")


# A proxy that authenticates people (5.1)

USERS = {
    "auth.mode": "trusted-proxy",
    "auth.token": None,
    "auth.trustedProxy": {"userHeader": "X-User", "allowUsers": ["ada"], "allowLoopback": True},
}


@pytest.mark.parametrize(
    ("overrides", "headers", "status"),
    [
        # From an address that is no proxy, with the header of a proxy.
        ({"trustedProxies": ["203.0.113.1"]}, [("X-Forwarded-For", "203.0.113.9"), ("X-User", "ada")], 403),
        # Through the proxy, which adds its own header behind the one that the client made up.
        (PROXIED, [("X-Forwarded-For", "203.0.113.9"), ("X-User", "ada"), ("X-User", "eve")], 400),
    ],
)
async def test_forged_identity_header(start, overrides, headers, status):
    gateway = await start({**USERS, **overrides})
    before = holdings(gateway)
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers=headers)
    assert refusal.value.response.status_code == status
    await assert_nothing_left(gateway, before)
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert [(row.kind, row.outcome, row.details) for row in rows] == [
        ("upgrade", "refused", f'{{"code":"HTTP_{status}"}}')
    ]


async def test_forged_identity_header_of_a_local_program(start):
    """Without a client address it is no proxy that speaks, whatever address it comes from."""
    gateway = await start({**USERS, **PROXIED})
    wire = await gateway.wire(additional_headers={"X-User": "ada"})
    details = auth_details("AUTH_UNAUTHORIZED", "trusted_proxy_untrusted_source", "review_auth_configuration")
    begins = "unauthorized: this gateway takes the word of gateway.trustedProxies only ("
    await assert_refused(gateway, operator_params(token=None), wire=wire, details=details, begins=begins)
