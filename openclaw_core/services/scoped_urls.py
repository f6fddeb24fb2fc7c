"""Capability URLs of surfaces: whoever has one may use one family's routes for a while (PROTOCOL 13).

A token is derived from a key of this process and a random serial, and only its digest is
kept: the URL can be told again to the connection it was made for, and cannot be read from
the table.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from openclaw_core.errors import InvalidRequestError, UnavailableError
from openclaw_core.hookspecs import SurfaceGrant
from openclaw_core.plugins import Plugins
from openclaw_core.services.nodes import LiveNode, Nodes

__all__ = ["CAPABILITY_PATH", "Grant", "Holder", "ScopedUrls"]

_log = logging.getLogger(__name__)

CAPABILITY_PATH = "/__openclaw__/cap/"
_TOKEN_BYTES = 18


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a URL is for: a connection, the address it knows this gateway by, its node if it is one."""

    conn_id: str
    base_url: str
    node: LiveNode | None = None


@dataclass(slots=True)
class Grant:
    """One live token.

    Attributes:
        family: whose routes it opens.
        node_id: the node it was made for, None for an operator's.
        expires_at_ms: Unix ms; every use moves it to `lifetime_ms` from then.
    """

    conn_id: str
    surface: str
    family: str
    node_id: str | None
    terms: SurfaceGrant
    expires_at_ms: int
    serial: bytes = field(default_factory=lambda: secrets.token_bytes(_TOKEN_BYTES))


class ScopedUrls:
    """Every live token; one per connection and surface, gone with the connection."""

    def __init__(self, plugins: Plugins, nodes: Nodes, now_ms: Callable[[], int]) -> None:
        self._plugins = plugins
        self._nodes = nodes
        self._now_ms = now_ms
        self._key = secrets.token_bytes(32)
        self._grants: dict[bytes, Grant] = {}  # by the token's digest
        self._current: dict[str, dict[str, bytes]] = {}  # connection → surface → digest
        self.offered: frozenset[str] = frozenset()
        self.families_changed()

    def __len__(self) -> int:
        return len(self._grants)

    def families_changed(self) -> None:
        """Families came or went; the URLs of one that went end."""
        serving = self._plugins.implementers("openclaw_refresh_surface")
        self.offered = frozenset(cap for family in serving for cap in family.caps)
        names = {family.name for family in serving}
        for grant in [grant for grant in self._grants.values() if grant.family not in names]:
            self._forget(grant.conn_id, grant.surface)

    def at_hello(self, holder: Holder) -> dict[str, str]:
        """`pluginSurfaceUrls` of hello-ok; empty when nothing is granted (13.1)."""
        if not self.offered:
            return {}
        if holder.node is not None:
            self._nodes.compute(holder.node)  # what is approved counts before the node is attached
        urls = {}
        for surface in sorted(self._reachable(holder)):
            grant = self._grant(holder, surface)
            if grant is not None:
                urls[surface] = self._url(holder, grant)
        return urls

    def refresh(self, holder: Holder, surface: str | None, observed_url: str | None) -> dict[str, Any]:
        """A fresh URL, and the end of the one before (13.2).

        A holder that saw another URL than the current one lost a race against itself: it
        gets the current one again, without `expiresAtMs`.

        Raises:
            InvalidRequestError: no surface named.
            UnavailableError: not granted, or no family has it.
        """
        if surface is None or not surface.strip():
            raise InvalidRequestError("surface required")
        held = self._held(holder.conn_id, surface)
        if held is not None and observed_url is not None:
            url = self._url(holder, held)
            if observed_url != url:
                return {"surface": surface, "pluginSurfaceUrls": {surface: url}}
        grant = self._grant(holder, surface) if surface in self._reachable(holder) else None
        if grant is None:
            raise UnavailableError(
                f"{surface} plugin surface unavailable",
                {"code": "SURFACE_UNAVAILABLE", "surface": surface, "hint": self._hint(holder, surface)},
            )
        return {
            "surface": surface,
            "pluginSurfaceUrls": {surface: self._url(holder, grant)},
            "expiresAtMs": grant.expires_at_ms,
        }

    def open(self, token: str) -> Grant | None:
        """What a token opens now; its life starts anew. None for a wrong or dead one (13.3)."""
        digest = _digest(token)
        grant = self._grants.get(digest)
        now = self._now_ms()
        if grant is None or grant.expires_at_ms <= now or not self._stands(grant):
            return None
        grant.expires_at_ms = now + grant.terms.lifetime_ms
        return grant

    def drop(self, conn_id: str) -> None:
        """A connection is gone and its tokens with it."""
        for digest in self._current.pop(conn_id, {}).values():
            self._grants.pop(digest, None)

    def _grant(self, holder: Holder, surface: str) -> Grant | None:
        view = self._nodes.view(holder.node) if holder.node is not None else None
        answers = self._plugins.answers(
            "openclaw_refresh_surface", lambda family: surface in family.caps, surface=surface, node=view
        )
        family, terms = next(answers, (None, None))
        self._forget(holder.conn_id, surface)
        if family is None:
            return None
        if not isinstance(terms, SurfaceGrant):
            _log.error("family %s granted %s with %r, not a SurfaceGrant", family.name, surface, terms)
            return None
        node_id = holder.node.node_id if holder.node is not None else None
        expires = self._now_ms() + terms.lifetime_ms
        grant = Grant(holder.conn_id, surface, family.name, node_id, terms, expires)
        digest = _digest(self._token(grant))
        self._grants[digest] = grant
        self._current.setdefault(holder.conn_id, {})[surface] = digest
        return grant

    def _held(self, conn_id: str, surface: str) -> Grant | None:
        digest = self._current.get(conn_id, {}).get(surface)
        grant = self._grants.get(digest) if digest is not None else None
        alive = grant is not None and grant.expires_at_ms > self._now_ms() and self._stands(grant)
        return grant if alive else None

    def _forget(self, conn_id: str, surface: str) -> None:
        digest = self._current.get(conn_id, {}).pop(surface, None)
        if digest is not None:
            self._grants.pop(digest, None)

    def _reachable(self, holder: Holder) -> Iterable[str]:
        """The surfaces that policy and approval leave to the holder."""
        node = holder.node
        if node is None:
            return self.offered
        return frozenset() if node.previous_version else self.offered & node.caps

    def _stands(self, grant: Grant) -> bool:
        """A node's URL holds as long as this very connection is approved for the surface."""
        if grant.node_id is None:
            return True
        node = self._nodes.find(grant.node_id)
        return node is not None and node.link.conn_id == grant.conn_id and grant.surface in node.caps

    def _hint(self, holder: Holder, surface: str) -> str:
        if surface not in self.offered:
            return f"no installed family serves {surface}; `openclaw plugins list` shows what there is"
        node = holder.node
        if node is not None and node.previous_version:
            return "surfaces need protocol 4; update the node's app"
        return f"approve the node's capability {surface}: openclaw nodes pending"

    def _url(self, holder: Holder, grant: Grant) -> str:
        return f"{holder.base_url}{CAPABILITY_PATH}{self._token(grant)}{grant.terms.path}"

    def _token(self, grant: Grant) -> str:
        raw = hashlib.blake2b(grant.serial, key=self._key, digest_size=_TOKEN_BYTES).digest()
        return base64.urlsafe_b64encode(raw).decode()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
