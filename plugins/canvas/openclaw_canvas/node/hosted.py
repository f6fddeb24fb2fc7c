"""The gateway's pages, fetched through the scoped URL the node has now; an expired one is renewed."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from openclaw_core import CommandError, NodeHostContext

__all__ = ["Answer", "HostedPages"]

SURFACE = "canvas"
_TIMEOUT_S = 20.0
_MOST_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HostedPages:
    """Reads pages for one node."""

    def __init__(self, node: NodeHostContext) -> None:
        self._node = node
        self._renewing = asyncio.Lock()

    async def surface_url(self) -> str:
        """The scoped URL.

        Raises:
            CommandError: `UNAVAILABLE`; the gateway grants none, or is not connected.
        """
        url = await self._node.surface_url(SURFACE)
        if url is None:
            raise CommandError(
                "UNAVAILABLE",
                "the gateway grants this node no canvas URL: approve its capability canvas (openclaw nodes "
                "pending), and see that openclaw-canvas is installed on the gateway (openclaw plugins list)",
            )
        return url

    async def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Read a path; when the URL expired, with a new one. Redirects are the caller's affair.

        Args:
            target: path and query on the gateway, from `/__openclaw__/canvas/` on.

        Raises:
            CommandError: `UNAVAILABLE`; no URL is granted, or the gateway cannot be reached.
        """
        url = await self.surface_url()
        answer = await self._read(url, target, headers)
        if answer.status == http.client.UNAUTHORIZED:
            url = await self._renew(url)
            answer = await self._read(url, target, headers)
        if answer.status == http.client.UNAUTHORIZED:
            raise CommandError("UNAVAILABLE", "the gateway refuses the canvas URL it has just granted")
        return answer

    async def _renew(self, expired: str) -> str:
        """A new URL; of several requests that met the old one's end, the first gets it for all."""
        async with self._renewing:
            if await self.surface_url() == expired:
                await self._node.surface_url(SURFACE, fresh=True)
            return await self.surface_url()

    async def _read(self, url: str, target: str, headers: Mapping[str, str] | None) -> Answer:
        try:
            return await asyncio.to_thread(
                _get, url + target, dict(headers or {}), self._node.tls_fingerprint
            )
        except (OSError, http.client.HTTPException) as error:
            place = urlsplit(url).netloc
            raise CommandError("UNAVAILABLE", f"no page came from the gateway at {place}: {error}") from None


def _get(url: str, headers: dict[str, str], pin: str | None) -> Answer:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = _connect(parts.scheme, parts.hostname or "", parts.port, pin)
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        body = response.read(_MOST_BYTES)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        connection.close()


def _connect(scheme: str, host: str, port: int | None, pin: str | None) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context()
    if pin is not None:  # the certificate itself is what is trusted, whoever signed it
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    connection.connect()
    if pin is not None:
        seen = hashlib.sha256(connection.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if seen != pin:  # before the first byte of the request, whose path is a secret
            connection.close()
            raise ssl.SSLError(f"its certificate is {seen}, pinned is {pin}")
    return connection
