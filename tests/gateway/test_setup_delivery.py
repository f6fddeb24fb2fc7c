"""Setup codes when the line breaks, when two come at once, after a restart; their links and URLs."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import orjson
import pytest

from openclaw_core.config import load_settings
from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.services.advertised_url import advertise, parse_public_url
from openclaw_core.store.models import SetupCode
from openclaw_core.testing import FakeClock, FakeDevice, TestGateway, node_params, operator_params

from .leftovers import until
from .test_setup_codes import INVALID, TEN_MINUTES, URL, code_of, issue, redeem, secret_of

pytestmark = pytest.mark.anyio


async def test_a_lost_reply_locks_nobody_out(start):
    clock = FakeClock()
    gateway, device = await start(now_ms=clock), FakeDevice()
    issued, _ = await issue(gateway)
    secret = secret_of(issued)
    _, lost = await redeem(gateway, secret, device, node_params, ["demo.echo"])
    clock.advance(TEN_MINUTES - 1)
    _, again = await redeem(gateway, secret, device, node_params, ["demo.echo"])
    assert again["ok"], again
    token = again["payload"]["auth"]["deviceToken"]
    assert token == lost["payload"]["auth"]["deviceToken"]
    wire = await gateway.wire()
    assert (await wire.connect(node_params(["demo.echo"], auth={"deviceToken": token}), device))["ok"]
    _, over = await redeem(gateway, secret, device, node_params, ["demo.echo"])
    assert code_of(over) == INVALID, "the token arrived: the code has done its work"


async def test_the_grace_of_a_spent_code_ends(start):
    clock = FakeClock()
    gateway, device = await start(now_ms=clock), FakeDevice()
    issued, _ = await issue(gateway)
    await redeem(gateway, secret_of(issued), device)
    clock.advance(TEN_MINUTES)
    _, late = await redeem(gateway, secret_of(issued), device)
    assert code_of(late) == INVALID


@pytest.mark.parametrize("method", ["device.pair.remove", "device.token.revoke", "node.pair.remove"])
async def test_a_spent_code_brings_no_removed_device_back(start, method):
    gateway, device = await start(), FakeDevice()
    issued, admin = await issue(gateway)
    await redeem(gateway, secret_of(issued), device)
    params = {"nodeId": device.device_id} if method.startswith("node") else {"deviceId": device.device_id}
    await admin.call(method, params | ({"role": "node"} if "token" in method else {}))
    _, answer = await redeem(gateway, secret_of(issued), device)
    assert code_of(answer) == INVALID


@pytest.mark.covers("device.pair.setup.deliveryUncertain", "device.pair.setupStatus")
async def test_a_socket_that_died_before_hello_is_told(start):
    gateway, device = await start(), FakeDevice()
    issued, admin = await issue(gateway)
    wire, held = await gateway.wire(), gateway.server.gateway
    params = node_params(auth={"bootstrapToken": secret_of(issued)})
    proof = device.prove(params, wire.nonce, wire.challenged_at)
    code = f"setup-code {issued['setupId']}"
    async with held.runtime.registry.lock(code):
        await wire.post("connect", {**params, "device": proof})
        await until(lambda: held.runtime.registry._locks[code][1] == 2, "the handshake waits for the code")
        await wire.socket.close()
        await until(lambda: not held.door, "the gateway knows that the socket is gone")
    uncertain = (await admin.event("device.pair.setup.deliveryUncertain"))["payload"]
    assert (uncertain["setupId"], uncertain["deviceId"]) == (issued["setupId"], device.device_id)
    status = await admin.call("device.pair.setupStatus", {"setupId": issued["setupId"]})
    assert status == {"deliveryUncertain": uncertain}
    _, again = await redeem(gateway, secret_of(issued), device)
    assert again["ok"], "the same device may come again"
    completed = (await admin.event("device.pair.setup.completed"))["payload"]
    status = await admin.call("device.pair.setupStatus", {"setupId": issued["setupId"]})
    assert status == {"completion": completed}


async def test_of_two_that_come_at_once_one_gets_in(start):
    gateway = await start()
    issued, _ = await issue(gateway)
    secret = secret_of(issued)
    answers = await asyncio.gather(*(redeem(gateway, secret, FakeDevice()) for _ in range(4)))
    assert sorted(answer["ok"] for _, answer in answers) == [False, False, False, True]
    assert {code_of(answer) for _, answer in answers if not answer["ok"]} == {INVALID}


async def test_codes_survive_a_restart(tmp_path):
    device = FakeDevice()
    async with TestGateway(tmp_path) as gateway:
        issued, _ = await issue(gateway)
    async with TestGateway(tmp_path) as gateway:
        _, answer = await redeem(gateway, secret_of(issued), device)
        assert answer["ok"]
    async with TestGateway(tmp_path) as gateway:
        _, other = await redeem(gateway, secret_of(issued), FakeDevice())
        assert code_of(other) == INVALID
        admin = await gateway.operator()
        status = await admin.call("device.pair.setupStatus", {"setupId": issued["setupId"]})
        assert status["completion"]["deviceId"] == device.device_id


async def test_dead_codes_are_swept(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    await issue(gateway)
    spent, _ = await issue(gateway)
    await redeem(gateway, secret_of(spent), FakeDevice())
    codes = gateway.server.gateway.runtime.setup_codes
    store = gateway.server.gateway.runtime.store
    clock.advance(TEN_MINUTES)
    codes.purge_expired()
    assert [row.setup_id for row in await store.load(SetupCode)] == [spent["setupId"]]
    clock.advance(86_400_000)
    codes.purge_expired()
    assert await store.load(SetupCode) == []


async def test_a_failed_code_counts_as_a_failed_login(start):
    gateway = await start({"auth.rateLimit": {"maxAttempts": 2, "exemptLoopback": False}})
    issued, _ = await issue(gateway)
    for _ in range(2):
        await redeem(gateway, "x" * 43, FakeDevice())
    _, locked = await redeem(gateway, secret_of(issued), FakeDevice())
    assert code_of(locked) == "AUTH_RATE_LIMITED"


@pytest.mark.parametrize("method", ["device.pair.setupCode", "device.pair.setupStatus"])
@pytest.mark.covers("device.pair.setupStatus")
async def test_codes_are_for_admins(start, method):
    gateway = await start()
    helper = await gateway.operator(["operator.pairing", "operator.write"])
    refused = await helper.request(method, {"setupId": "x"} if method.endswith("Status") else {})
    assert refused["error"]["details"]["missingScope"] == "operator.admin"


# Links


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


async def test_a_join_link_works_once(start):
    gateway, device = await start(), FakeDevice()
    here = gateway.url
    issued, _ = await issue(gateway, joinUrl=True, publicUrl=here)
    link = issued["joinUrl"]
    assert link.startswith(here.replace("ws://", "http://") + "/j/")
    head = await asyncio.to_thread(fetch, urllib.request.Request(link, method="HEAD"))
    assert head[0] == 204, "a preview does not use it up"
    status, headers, body = await asyncio.to_thread(fetch, link)
    assert status == 200
    assert headers["cache-control"] == "no-store"
    payload = orjson.loads(body)
    assert payload == decode_setup_code(issued["setupCode"]).to_wire()
    assert (await asyncio.to_thread(fetch, link))[0] == 404
    _, answer = await redeem(gateway, payload["bootstrapToken"], device)
    assert answer["ok"]


async def test_other_links_lead_nowhere(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    unlinked, _ = await issue(gateway)
    late, _ = await issue(gateway, joinUrl=True, publicUrl=gateway.url)
    clock.advance(TEN_MINUTES)
    base = gateway.url.replace("ws://", "http://")
    for path in ("/j/x", f"/j/{secret_of(unlinked)}", "/j/%00"):
        assert (await asyncio.to_thread(fetch, base + path))[0] == 404
    assert (await asyncio.to_thread(fetch, late["joinUrl"]))[0] == 404


# Where other machines find the gateway


async def test_a_loopback_gateway_says_that_nobody_reaches_it(start):
    admin = await (await start()).operator()
    refused = await admin.request("device.pair.setupCode", {})
    assert refused["error"]["code"] == "INVALID_REQUEST"
    assert "loopback only" in refused["error"]["message"]
    assert "gateway.bind" in refused["error"]["message"]


@pytest.mark.parametrize(
    "url", ["ftp://x", "gw.example", "ws://", "wss://u:p@gw", "ws://gw/?a=b", "ws://gw:99999"]
)
async def test_an_unusable_public_url(start, url):
    admin = await (await start()).operator()
    refused = await admin.request("device.pair.setupCode", {"publicUrl": url})
    assert refused["error"]["message"].startswith(f"publicUrl {url!r} is not usable")


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("https://GW.Example:443/", "wss://gw.example"),
        ("http://gw:80/base/", "ws://gw/base"),
        ("ws://[2001:DB8::7]:443", "ws://[2001:db8::7]:443"),
    ],
)
def test_urls_are_spelled_as_the_original_node_wants_them(given, spelled):
    assert parse_public_url(given) == spelled


@pytest.mark.parametrize("params", [{}, {"preferRemoteUrl": True}])
async def test_other_sources_of_the_url(start, params):
    pin = "ab" * 32
    gateway = await start({"remote": {"url": "wss://far.example:1", "tlsFingerprint": pin}})
    admin = await gateway.operator()
    answer = await admin.call("device.pair.setupCode", params)
    assert (answer["gatewayUrl"], answer["urlSource"]) == ("wss://far.example:1", "gateway.remote.url")
    assert decode_setup_code(answer["setupCode"]).tls_fingerprint == pin


@pytest.mark.parametrize(
    ("url", "access"),
    [("ws://192.0.2.7", "limited"), ("ws://localhost:1", "full"), ("ws://[::1]:1", "full"), (URL, "full")],
)
async def test_no_admin_rights_in_plain_text(start, url, access):
    gateway, device = await start({"nodes.pairing.autoApproveLocal": False}), FakeDevice()
    issued, _ = await issue(gateway, "full", publicUrl=url)
    assert (issued["access"], issued.get("accessDowngraded")) == (access, access == "limited" or None)
    scopes = ["operator.admin", "operator.read"]
    _, answer = await redeem(gateway, secret_of(issued), device, operator_params, scopes)
    assert answer["ok"] is (access == "full"), answer


async def test_the_code_names_all_addresses_of_the_gateway(start):
    gateway = await start({"bind": "lan"})
    issued = await (await gateway.operator()).call("device.pair.setupCode", {"bootstrapProfile": "node"})
    offer, others = decode_setup_code(issued["setupCode"]), issued.get("gatewayUrls")
    assert offer.urls == others, "one address is told once, several are told in both places"
    assert offer.url == issued["gatewayUrl"] == (others or [offer.url])[0]


def test_an_exposed_gateway_names_its_own_address(tmp_path):
    settings = load_settings(tmp_path, {"bind": "192.0.2.7", "auth.token": "x"})
    found = advertise(settings, 7, public_url=None)
    assert (found.urls, found.source) == (("ws://192.0.2.7:7",), "gateway.bind=192.0.2.7")
    secure = load_settings(tmp_path, {"bind": "2001:db8::7", "tls.enabled": True})
    found = advertise(secure, 7, public_url=None)
    assert found.urls == ("wss://[2001:db8::7]:7",)


async def test_without_authentication_a_code_adds_nothing(start):
    gateway, device = await start({"auth.mode": "none"}), FakeDevice()
    wire = await gateway.wire()
    assert (await wire.connect(operator_params(token=None), device))["ok"]
    refused = await wire.request("device.pair.setupCode", {"publicUrl": URL})
    assert "gateway.auth.mode is none" in refused["error"]["message"]
