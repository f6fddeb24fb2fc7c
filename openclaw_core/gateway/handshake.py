"""`connect`: every check in its order, ending in hello-ok or one refusal (PROTOCOL 3.3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, NoReturn, cast

from openclaw_core.auth import scopes
from openclaw_core.auth.auto_approval import (
    NATIVE_APPS,
    SetupAccess,
    admits_network,
    admits_proxy_user,
    setup_grants,
)
from openclaw_core.auth.credentials import (
    OTHER_CREDENTIAL,
    Verdict,
    auth_failure,
    device_token_offer,
    evaluate,
    may_lack_device,
    offers_only_auth_token,
    scopes_without_device,
)
from openclaw_core.auth.origin import origin_allowed, origin_refusal
from openclaw_core.auth.pairing_rules import (
    Approved,
    Asked,
    PairingReason,
    judge,
    may_approve_silently,
    pairing_error,
)
from openclaw_core.auth.proof import DeviceKey, check_proof
from openclaw_core.auth.rate_limit import loopback_delay_ms, network_of
from openclaw_core.errors import InvalidRequestError, NotPairedError
from openclaw_core.gateway.peer import Peer
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.protocol.limits import NODE_PROTOCOL_FLOOR, PROTOCOL_VERSION
from openclaw_core.services.pairing import Knock
from openclaw_core.services.runtime import Runtime
from openclaw_core.store.models import DeviceToken, SetupCode

__all__ = ["Admission", "Handshake", "check_protocol"]

Role = Literal["operator", "node"]


@dataclass(frozen=True, slots=True)
class Admission:
    """What a connection got.

    Attributes:
        token: the device's token row; None without device identity.
        knock: the proven device; None without one.
        silent: the device was approved by rule just now.
        code: the setup code that let it in; None for any other credential.
    """

    role: Role
    caller: Caller
    token: DeviceToken | None = None
    knock: Knock | None = None
    silent: bool = False
    code: SetupCode | None = None


class Handshake:
    """Decides about connects; keeps count of local failures, which are delayed, not locked."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._local_failures = 0
        self._local_failed_at = 0

    async def admit(self, conn_id: str, nonce: str, peer: Peer, params: ConnectParams) -> Admission:
        """Decide about one connect. The caller holds the device's lock (see `lock`).

        Raises:
            RpcError: the first check that fails; PROTOCOL 3.5, 5.4, 6.2.
        """
        runtime = self._runtime
        check_protocol(params)
        role = _parse_role(params.role)
        allowed = runtime.config.control_ui.allowed_origins
        if not origin_allowed(peer.origin, peer.host, allowed, peer.loopback):
            raise origin_refusal()
        verdict = evaluate(runtime.secret, params.auth, peer.identity)
        if params.device is None:
            return await self._admit_without_device(conn_id, peer, params, role, verdict)
        allow_v2 = runtime.config.auth.allow_v2_signatures
        key = check_proof(params, role, nonce, runtime.now_ms(), allow_v2=allow_v2)
        opener = await self._authorize(peer, params, role, key, verdict)
        knock = _knock(peer, params, role, key)
        code = opener if isinstance(opener, SetupCode) else None
        silent = await self._pair(peer, knock, verdict, code)
        token = opener if isinstance(opener, DeviceToken) else None
        if token is not None:
            offer = device_token_offer(params.auth)
            assert offer is not None
            runtime.tokens.note_use(token, offer.token)
        elif verdict.wrong is False and verdict.ok:
            self._succeed(peer)
        caller = Caller(
            conn_id=conn_id,
            client_id=params.client.id,
            client_mode=params.client.mode,
            device_id=key.device_id,
            scopes=knock.asked.scopes if role == "operator" else frozenset(),
            caps=frozenset(params.caps or ()),
            by_device_token=opener is not None,
        )
        return Admission(role, caller, runtime.tokens.live(key.device_id, role), knock, silent, code)

    async def _admit_without_device(
        self, conn_id: str, peer: Peer, params: ConnectParams, role: Role, verdict: Verdict
    ) -> Admission:
        """Operators that hold the shared secret need no device; everyone else does (5.3)."""
        if not verdict.ok and role == "operator" and verdict.reason != OTHER_CREDENTIAL:
            await self._refuse(peer, params, role, verdict.reason, verdict.wrong)
        self._refuse_locked(peer, params, role)
        client = params.client
        deviceless = may_lack_device(
            client.id,
            client.mode,
            method=verdict.method,
            loopback=peer.loopback,
            browser_origin=peer.origin is not None,
        )
        if role == "node" or not verdict.ok or not deviceless:
            raise NotPairedError("device identity required", {"code": "DEVICE_IDENTITY_REQUIRED"})
        self._succeed(peer)
        granted = scopes_without_device(
            client.id, client.mode, frozenset(params.scopes or ()), loopback=peer.loopback
        )
        caller = Caller(conn_id, client.id, client.mode, None, granted, frozenset(params.caps or ()))
        return Admission(role, caller)

    async def _authorize(
        self, peer: Peer, params: ConnectParams, role: Role, key: DeviceKey, verdict: Verdict
    ) -> DeviceToken | SetupCode | None:
        """The device token or setup code that opened the door, None when the shared secret did (5.2)."""
        if verdict.ok:
            self._refuse_locked(peer, params, role)
            return None
        auth = params.auth
        if auth is not None and auth.bootstrap_token:
            code = self._runtime.setup_codes.find(auth.bootstrap_token, key.device_id, role)
            if code is None:
                await self._refuse(peer, params, role, "bootstrap_token_invalid", True)
            self._refuse_locked(peer, params, role)
            return code
        offer = device_token_offer(auth)
        if offer is None:
            await self._refuse(peer, params, role, verdict.reason, verdict.wrong, device_proven=True)
        row = self._runtime.tokens.verify(offer.token, key.device_id, role)
        if row is None:
            reason = "device_token_mismatch" if offer.explicit else verdict.reason
            await self._refuse(peer, params, role, reason, True, device_proven=True)
        # A proven device with its own token is never locked out by its neighbours' failures.
        if role == "operator" and not scopes.covers(frozenset(row.scopes), params.scopes or ()):
            await self._refuse(peer, params, role, "scope_mismatch", False)
        return row

    async def _pair(self, peer: Peer, knock: Knock, verdict: Verdict, code: SetupCode | None) -> bool:
        """Let an approved device in, approve it by rule, or leave a request (6); True when by rule."""
        runtime, asked = self._runtime, knock.asked
        approved = runtime.registry.approved(asked.device_id)
        reason = judge(asked, approved)
        if code is not None and await self._redeem(peer, knock, code, reason):
            reason = None
        rule = None if reason is None else self._rule(peer, knock, verdict, reason, approved)
        if rule is not None:
            await runtime.pairing.approve_silently(knock, rule)
        elif reason is not None:
            request = await runtime.pairing.request(knock)
            raise pairing_error(reason, request.request_id, asked, approved)
        runtime.pairing.refresh(knock)
        return rule is not None

    async def _redeem(self, peer: Peer, knock: Knock, code: SetupCode, reason: PairingReason | None) -> bool:
        """Spend the code and approve what it grants; False when it does not cover what is asked (6.6)."""
        client_id, access = knock.params.client.id, cast("SetupAccess", code.access)
        if reason is not None and not setup_grants(
            access, client_id=client_id, reason=reason, asked=knock.asked
        ):
            return False
        if not await self._runtime.setup_codes.redeem(code, knock, approve=reason is not None):
            role = cast("Role", knock.asked.role)
            await self._refuse(peer, knock.params, role, "bootstrap_token_invalid", True)
        return True

    def _rule(
        self, peer: Peer, knock: Knock, verdict: Verdict, reason: PairingReason, approved: Approved | None
    ) -> str | None:
        """The rule that approves without a person, as `approvedVia` names it (6.4)."""
        asked, config = knock.asked, self._runtime.config.nodes.pairing
        if may_approve_silently(
            loopback=peer.loopback,
            shared_secret_ok=verdict.ok,
            browser_origin=peer.origin is not None,
            auto_local=config.auto_approve_local,
            reason=reason,
            role=asked.role,
            native_app=knock.params.client.id in NATIVE_APPS,
            revoked=approved is not None and asked.role in approved.roles - approved.live_token_roles,
        ):
            return "silent"
        named = verdict.ok and peer.identity is not None and peer.identity.named
        if admits_proxy_user(named=named, reason=reason, asked=asked):
            return "trusted-proxy"
        trusted = admits_network(
            ip=peer.ip,
            networks=config.auto_approve_cidrs,
            loopback=peer.loopback,
            proxied_by_loopback=peer.proxied_by_loopback,
            browser_origin=peer.origin is not None,
            reason=reason,
            asked=asked,
        )
        return "trusted-cidr" if trusted else None

    # Failures (17)

    def _refuse_locked(self, peer: Peer, params: ConnectParams, role: Role) -> None:
        wait = None if self._is_exempt(peer) else self._runtime.lockouts.check(network_of(peer.ip))
        if wait is not None:
            raise auth_failure("rate_limited", client_id=params.client.id, role=role, retry_after_ms=wait)

    async def _refuse(
        self,
        peer: Peer,
        params: ConnectParams,
        role: Role,
        reason: str | None,
        counted: bool,
        *,
        device_proven: bool = False,
    ) -> NoReturn:
        """Refuse a credential; a counted failure costs the address time."""
        self._refuse_locked(peer, params, role)
        if counted:
            await self._count(peer)
        raise auth_failure(
            reason,
            client_id=params.client.id,
            role=role,
            device_proven=device_proven,
            only_auth_token=offers_only_auth_token(params.auth),
        )

    async def _count(self, peer: Peer) -> None:
        if not self._is_exempt(peer):
            await self._runtime.lockouts.fail(network_of(peer.ip))
            return
        now = self._runtime.now_ms()
        if now - self._local_failed_at > self._runtime.config.auth.rate_limit.window_ms:
            self._local_failures = 0
        self._local_failures += 1
        self._local_failed_at = now
        await asyncio.sleep(loopback_delay_ms(self._local_failures) / 1000)

    def _succeed(self, peer: Peer) -> None:
        if self._is_exempt(peer):
            self._local_failures = 0
        else:
            self._runtime.lockouts.succeed(network_of(peer.ip))

    def _is_exempt(self, peer: Peer) -> bool:
        """Local programs are delayed; a browser on this host is as foreign as any page."""
        return peer.loopback and peer.origin is None and self._runtime.config.auth.rate_limit.exempt_loopback


def check_protocol(params: ConnectParams) -> None:
    """Chapter 4.

    Raises:
        InvalidRequestError: `protocol mismatch`.
    """
    low, high, mode = params.min_protocol, params.max_protocol, params.client.mode
    if low <= PROTOCOL_VERSION <= high:
        return
    if params.role == "node" and mode == "node" and low <= NODE_PROTOCOL_FLOOR <= high:
        return
    if mode == "probe" and high >= NODE_PROTOCOL_FLOOR:
        return
    raise InvalidRequestError(
        "protocol mismatch",
        {
            "code": "PROTOCOL_MISMATCH",
            "clientMinProtocol": low,
            "clientMaxProtocol": high,
            "expectedProtocol": PROTOCOL_VERSION,
            "minimumProbeProtocol": NODE_PROTOCOL_FLOOR,
        },
    )


def _parse_role(role: str | None) -> Role:
    if role not in (None, "operator", "node"):
        raise InvalidRequestError("invalid role", {"role": role, "allowed": ["operator", "node"]})
    return cast("Role", role or "operator")


def _knock(peer: Peer, params: ConnectParams, role: Role, key: DeviceKey) -> Knock:
    client = params.client
    asked = Asked(key.device_id, role, frozenset(params.scopes or ()), client.platform, client.device_family)
    return Knock(params, key.public_key, asked, peer.remote_ip, peer.origin)
