"""Real gateways and a forger on this machine's loopback, by real multicast DNS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from openclaw_core.client import ConnectOptions, connect
from openclaw_core.client.tls import CertificateMismatchError
from openclaw_core.lan import SERVICE_TYPE, Advert, Pins, choose, describe_gateway
from openclaw_core.lan.browse import browse
from openclaw_core.testing import TestGateway
from tests.cli.conftest import cli, env  # noqa: F401 — fixtures
from tests.client.stub import StubGateway

# Multicast answers are a second apart by design: too slow for `make test`.
pytestmark = [pytest.mark.anyio, pytest.mark.families]

LISTEN_MS = 3_500


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch):
    monkeypatch.setenv("OPENCLAW_MDNS_INTERFACES", "127.0.0.1")


def configure(directory: Path) -> Path:
    """A state directory whose gateway advertises itself though only this host reaches it."""
    directory.mkdir()
    (directory / "openclaw.json").write_text(json.dumps({"discovery": {"mdns": {"mode": "minimal"}}}))
    return directory


async def test_two_gateways_find_each_other_and_a_forger_is_refused(tmp_path, env, cli):  # noqa: F811
    env["OPENCLAW_MDNS_INTERFACES"] = "127.0.0.1"
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(advertised(tmp_path / name)) for name in ("one", "two")]
        urls = [one.settings.own_url(gateway.server.port) for gateway in (one, two)]
        pin, other = [gateway.server.gateway.runtime.tls_fingerprint for gateway in (one, two)]
        adverts = await hear(*urls)
        assert choose(adverts, Pins(given=pin)).urls == (urls[0],)
        assert choose(adverts, Pins(stored=other)).urls == (urls[1],)

        forger = await stack.enter_async_context(StubGateway(tls=True))
        forged_url = f"wss://127.0.0.1:{urlsplit(forger.url).port}"
        await stack.enter_async_context(forged(forged_url, claims=pin))
        heard = await hear(*urls, forged_url)
        lie = next(advert for advert in heard if forged_url in advert.urls)
        # It claims the right certificate: followed, it would have to show it before a word is said.
        assert Pins(given=pin).knows(lie)
        with pytest.raises(CertificateMismatchError):
            await connect(ConnectOptions(url=forged_url, token="secret", tls_fingerprint=pin))

        shown = await cli("gateway", "discover", "--json", "--timeout", "4000")
        assert {url for row in shown.json["gateways"] for url in row["urls"]} == {*urls, forged_url}
        assert not any(row["known"] for row in shown.json["gateways"])
        unknown = await cli("node", "run", "--discover")
        assert (unknown.code, "proves nothing" in unknown.err) == (1, True), unknown.err
        wrong = await cli("node", "run", "--discover", "--tls-fingerprint", "c" * 64)
        assert (wrong.code, "nothing was sent to it" in wrong.err) == (1, True), wrong.err
        assert forger.upgrades == 0
    assert await browse(LISTEN_MS, ["127.0.0.1"]) == [], "who stops says goodbye"


@asynccontextmanager
async def advertised(directory: Path) -> AsyncIterator[TestGateway]:
    """A gateway with TLS that tells the loopback network of itself."""
    async with TestGateway(configure(directory), overrides={"tls.enabled": True}) as gateway:
        yield gateway


@asynccontextmanager
async def forged(url: str, *, claims: str) -> AsyncIterator[None]:
    """An advert for `url` with somebody else's certificate."""
    port = urlsplit(url).port
    told = describe_gateway("home", "home", port, fingerprint=claims, reachable=True)
    name = f"home.{SERVICE_TYPE}"
    info = AsyncServiceInfo(SERVICE_TYPE, name, port, properties=told, parsed_addresses=["127.0.0.1"])
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    try:
        await zeroconf.async_register_service(info)
        yield
        await (await zeroconf.async_unregister_service(info))
    finally:
        await zeroconf.async_close()


async def hear(*urls: str) -> list[Advert]:
    """Listen until all of these were heard."""
    async with asyncio.timeout(30):
        while True:
            adverts = await browse(LISTEN_MS, ["127.0.0.1"])
            if set(urls) <= {url for advert in adverts for url in advert.urls}:
                return adverts
