"""The node host's life: connect, serve, come back; stop when only a person can help (PROTOCOL 22)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.client import (
    ConnectOptions,
    DeviceTokens,
    HandshakeRefusedError,
    ReconnectPolicy,
    connect_with_tokens,
    load_or_create_identity,
)
from openclaw_core.client.options import local_device_family, local_platform
from openclaw_core.client.reconnect import Retry, Stop, is_pairing_pending
from openclaw_core.client.tls import normalize_fingerprint
from openclaw_core.errors import GatewayUnreachableError, OpenClawError
from openclaw_core.node_host.contexts import FamilyContexts, NodeFacts
from openclaw_core.node_host.journal import Journal
from openclaw_core.node_host.narrator import Narrator, explain_refusal
from openclaw_core.node_host.pending import QueuedWork
from openclaw_core.node_host.services import FamilyServices
from openclaw_core.node_host.session import Session
from openclaw_core.node_host.surface import Surface
from openclaw_core.protocol.limits import NODE_PROTOCOL_FLOOR, PROTOCOL_VERSION

__all__ = ["NodeHost", "NodeHostOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHostOptions:
    """Where the gateway is and who this node is.

    Attributes:
        url: `ws://` or `wss://`.
        directory: private to this node: `identity.json`, `device-tokens.json`, family state.
        display_name: for people.
        instance_id: `client.instanceId`; the device id is always the key's hash.
        token, password: shared secret; without one the stored device token is used.
        tls_fingerprint: SHA-256 of the gateway's certificate.
        bootstrap_token: of a setup code; used until the gateway gave a device token.
    """

    url: str
    directory: Path
    display_name: str
    instance_id: str | None = None
    token: str | None = None
    password: str | None = None
    tls_fingerprint: str | None = None
    bootstrap_token: str | None = None


class NodeHost:
    """Keeps one node connected; `run` returns the exit code of the process.

    Args:
        surface: what it offers at first.

    Raises:
        ConfigError: identity or token file is broken.
    """

    def __init__(
        self,
        options: NodeHostOptions,
        surface: Surface,
        narrator: Narrator | None = None,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self._surface = surface
        self._narrator = narrator or Narrator()
        self._policy = policy or ReconnectPolicy(wait_for_pairing=True)
        identity = load_or_create_identity(options.directory / "identity.json")
        self._tokens = DeviceTokens(options.directory / "device-tokens.json")
        pin = options.tls_fingerprint and normalize_fingerprint(options.tls_fingerprint)
        self._facts = NodeFacts(identity.device_id, options.display_name, options.directory, pin or None)
        self._connect = ConnectOptions(
            url=options.url,
            token=options.token,
            password=options.password,
            bootstrap_token=options.bootstrap_token,
            identity=identity,
            role="node",
            client_id="node-host",
            client_mode="node",
            platform=local_platform(),
            device_family=local_device_family(),
            display_name=options.display_name,
            instance_id=options.instance_id,
            caps=surface.caps,
            commands=tuple(surface.commands),
            permissions=dict(surface.permissions) or None,
            path_env=os.environ.get("PATH"),
            tls_fingerprint=options.tls_fingerprint,
        )
        self._version_switched = False
        self._lost = (0, "")
        self._stopping = False
        self._task: asyncio.Task[int] | None = None
        self._session: Session | None = None
        self._contexts = FamilyContexts(self._facts)
        self._contexts.offer(surface.families, surface.settings)
        self._services = FamilyServices(self._contexts)
        self._work = QueuedWork(Journal(options.directory / "journal.db"), surface.commands, self._contexts)

    async def redeclare(self, surface: Surface) -> None:
        """Offer something else from now on, without a reconnect where the gateway allows it (13.2).

        Commands that run go on; those that are gone are refused at once.
        """
        if surface == self._surface:
            return
        self._surface = surface
        self._work.offer(surface.commands)
        self._connect = replace(
            self._connect,
            caps=surface.caps,
            commands=tuple(surface.commands),
            permissions=dict(surface.permissions) or None,
        )
        self._contexts.offer(surface.families, surface.settings)
        if self._task is not None:
            self._services.offer(surface.families)
        if self._session is not None:
            await self._session.redeclare(surface)

    def stop(self) -> None:
        """End `run` with 0: running commands are cancelled and the socket closes with 1000."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> int:
        """Stay connected until `stop` (0) or until only a person can help (1)."""
        self._task = asyncio.create_task(self._keep_connected())
        try:
            return await self._task
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            self._narrator.say(("stopped",), "stopped")
            return 0
        finally:
            await self._services.close()
            await self._work.close()
            await self._contexts.close()

    async def _keep_connected(self) -> int:
        self._services.offer(self._surface.families)
        self._say_connecting()
        while True:
            error = await self._connect_once()
            if self._switch_version(error):
                continue
            decision = self._policy.after(error)
            if isinstance(decision, Stop):
                self._narrator.say(("stop",), explain_refusal(decision.error))
                return 1
            self._say_waiting(error, decision)
            await asyncio.sleep(decision.delay_ms / 1000)

    async def _connect_once(self) -> Exception | None:
        """Connect and serve; the refusal, or None after a connection that stood and ended."""
        self._session = session = Session(self._surface, self._contexts, self._narrator, self._work)
        try:
            connection = await connect_with_tokens(self._connect, self._tokens, session.on_event)
        except OpenClawError as error:
            session.abandon()
            return error
        self._policy.succeeded()
        self._version_switched = False
        self._lost = await session.serve(connection)
        return None

    def _switch_version(self, error: Exception | None) -> bool:
        """Offer the version a gateway of another age expects, once per connection (chapter 4)."""
        if not isinstance(error, HandshakeRefusedError) or error.detail_code != "PROTOCOL_MISMATCH":
            return False
        expected = (error.details or {}).get("expectedProtocol")
        if self._version_switched or expected not in (NODE_PROTOCOL_FLOOR, PROTOCOL_VERSION):
            return False
        self._version_switched = True
        self._connect = replace(self._connect, min_protocol=expected, max_protocol=expected)
        return True

    def _say_connecting(self) -> None:
        text = f"connecting to {self._connect.url} as {self._facts.display_name} ({self._facts.node_id})"
        self._narrator.say(("connecting",), text)

    def _say_waiting(self, error: Exception | None, decision: Retry) -> None:
        seconds = f"{decision.delay_ms / 1000:.1f} s"
        if isinstance(error, HandshakeRefusedError) and is_pairing_pending(error):
            request_id = (error.details or {}).get("requestId")
            shown = verification_code(self._facts.node_id)
            text = f"{explain_refusal(error)}; verification code, to compare there: {shown}"
            self._narrator.say(("pairing", request_id), text)
        elif isinstance(error, GatewayUnreachableError):
            self._narrator.say(("unreachable",), f"{error}; trying again in {seconds} and then on")
        elif error is not None:
            self._narrator.say(("refused", str(error)), f"refused: {error}; trying again in {seconds}")
        else:
            code, reason = self._lost
            text = f"disconnected ({code}{f' {reason}' if reason else ''}); trying again in {seconds}"
            self._narrator.say(("disconnected", code), text)
