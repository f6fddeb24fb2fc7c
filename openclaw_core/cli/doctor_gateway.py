"""Doctor's checks of the configuration, the families, and a gateway that runs."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.datastructures import Headers

from openclaw_core.cli.call import READ, Call
from openclaw_core.cli.endpoint import Flags, choose_endpoint
from openclaw_core.cli.failure import next_steps
from openclaw_core.cli.findings import Finding, fail, ok, warn
from openclaw_core.config import Settings
from openclaw_core.errors import ConfigError, GatewayUnreachableError, OpenClawError
from openclaw_core.gateway.peer import identify_peer
from openclaw_core.gateway.server import refuse_exposure
from openclaw_core.gateway.upgrade import HttpRefusal
from openclaw_core.plugins import load_plugins

__all__ = ["check_exposure", "check_families", "check_gateway", "classify"]

_TIMEOUT_MS = 5_000
_CLOCK_SLACK_MS = 60_000


def check_exposure(settings: Settings) -> list[Finding]:
    """Who can reach the gateway as it is configured, and is that safe?"""
    where = str(settings.config_path) if settings.config_path.exists() else "the defaults"
    try:
        refuse_exposure(settings)
    except ConfigError as error:
        return [fail("config", str(error), f"edit {settings.config_path}")]
    found = [ok("config", f"{where}: every key is known")]
    for network in map(ipaddress.ip_network, settings.gateway.trusted_proxies):
        if network.prefixlen == 0:
            text = f"gateway.trustedProxies has {network}: any client may claim any address"
            found.append(
                fail("proxies", text, f"name only your proxies' addresses in {settings.config_path}")
            )
    if settings.binds_loopback_only:
        return [*found, ok("exposure", f"only programs of this host reach {settings.bind_host}")]
    if settings.gateway.tls.enabled:
        return [*found, ok("exposure", f"{settings.bind_host}, with TLS and auth {settings.auth_mode}")]
    text = f"{settings.bind_host} serves plain text: tokens can be read on the network"
    return [*found, warn("exposure", text, "openclaw gateway run --bind loopback, or gateway.tls.enabled")]


def check_families() -> list[Finding]:
    """Every installed family loads."""
    plugins = load_plugins()
    failed = [fail("families", f"{item.name}: {item.reason}", item.cure) for item in plugins.failed]
    names = ", ".join(item.family.name for item in plugins.loaded)
    if not names and not failed:
        return [
            warn(
                "families",
                "no family is installed: nodes can do nothing",
                "pip install openclaw-host-commands",
            )
        ]
    return [*failed, *([ok("families", names)] if names else [])]


def check_gateway(settings: Settings) -> list[Finding]:
    """Is a gateway there, well, and does it let this machine in?"""
    url = settings.local_url()
    return asyncio.run(_check_gateway(settings, url))


async def _check_gateway(settings: Settings, url: str) -> list[Finding]:
    try:
        health = await _get(url, "/health")
        ready = await _get(url, "/ready") if health == 200 else 0
    except (OSError, TimeoutError, ValueError) as error:
        why = str(error) or type(error).__name__
        return [warn("gateway", f"nobody answers at {url}: {why}", "openclaw gateway run")]
    if health != 200:
        text = f"{url} answers /health with {health}: is that another program?"
        return [fail("gateway", text, "openclaw gateway run --port ANOTHER")]
    found = [ok("gateway", f"answers at {url}")]
    if ready != 200:
        found.append(
            fail(
                "ready",
                f"/ready says {ready}: the store or the event loop is failing",
                f"curl {_http(url)}/ready",
            )
        )
    return [*found, *await _check_rpc(settings)]


async def _check_rpc(settings: Settings) -> list[Finding]:
    flags = Flags(timeout_ms=_TIMEOUT_MS)
    call = Call(choose_endpoint(flags, settings), flags, (READ,))
    try:
        health = await call.request("health")
        status = await call.request("status")
    except GatewayUnreachableError as error:
        return [fail("rpc", str(error), "openclaw gateway status")]
    except OpenClawError as error:
        return [fail("rpc", str(error), (next_steps(error) or ("openclaw gateway status",))[-1])]
    finally:
        await call.close()
    return [
        ok("rpc", f"version {status.get('runtimeVersion', 'unknown')} lets this machine in"),
        *_skew(health),
    ]


def _skew(health: dict[str, Any]) -> list[Finding]:
    then = health.get("ts")
    apart = abs(time.time_ns() // 1_000_000 - then) if isinstance(then, int) else 0
    if apart <= _CLOCK_SLACK_MS:
        return []
    text = f"the gateway's clock is {apart // 1000} s apart: proofs of devices will look expired"
    return [fail("clock", text, "set the clock, e.g.: sudo timedatectl set-ntp true")]


def _http(url: str) -> str:
    return url.replace("ws", "http", 1)


async def _get(url: str, path: str) -> int:
    """The status of an HTTP request to the gateway's port; certificates are the handshake's business."""
    import ssl  # 10 ms that only TLS pays

    parts, context = urlsplit(url), None
    if parts.scheme == "wss":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if context else 80)
    async with asyncio.timeout(_TIMEOUT_MS / 1000):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
        finally:
            writer.transport.abort()
    words = line.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("what answers there does not speak HTTP")
    return int(words[1])


def classify(settings: Settings, peer: str, forwarded_for: str | None) -> Finding:
    """How the gateway would see a request from this socket address with this X-Forwarded-For."""
    headers = Headers() if forwarded_for is None else Headers({"X-Forwarded-For": forwarded_for})
    came = f"from {peer}" + ("" if forwarded_for is None else f" with X-Forwarded-For: {forwarded_for}")
    try:
        seen = identify_peer(peer, headers, settings.gateway.trusted_proxies)
    except HttpRefusal:
        cure = f"add {peer} to gateway.trustedProxies in {settings.config_path}, if it is your proxy"
        return fail("peer", f"{came}: refused, as {peer} is no trusted proxy or names no client", cure)
    if seen.loopback:
        return ok("peer", f"{came}: local (a program of this host)")
    return ok("peer", f"{came}: remote, as {seen.ip}")
