"""Device pairing: requests, approval, rejection, removal, names (PROTOCOL 6)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from openclaw_core.auth import pairing_rules
from openclaw_core.auth.pairing_rules import Asked
from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.limits import PAIR_REQUEST_TTL_MS
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events
from openclaw_core.services.knock import Knock, new_request
from openclaw_core.services.registry import Registry
from openclaw_core.services.rows import device_row, pair_request_row
from openclaw_core.services.tokens import Tokens, approver_of
from openclaw_core.store.base import Append, Remove
from openclaw_core.store.models import (
    Device,
    DeviceToken,
    LegacyNode,
    NodeSurface,
    PairRequest,
    Row,
    SurfaceRequest,
)

__all__ = ["Knock", "Pairing"]


class Pairing:
    """Keeps devices and their requests; `now_ms` gives Unix milliseconds.

    Attributes:
        on_resolved: hears of every request that ended: approved, rejected, expired or superseded.
    """

    def __init__(
        self,
        registry: Registry,
        tokens: Tokens,
        audit: Audit,
        events: Events,
        now_ms: Callable[[], int],
        request_ttl_ms: int = PAIR_REQUEST_TTL_MS,
    ) -> None:
        self._registry = registry
        self._tokens = tokens
        self._audit = audit
        self._events = events
        self._now_ms = now_ms
        self._request_ttl_ms = request_ttl_ms
        self.on_resolved: Callable[[PairRequest, str], None] = lambda _request, _decision: None

    # At the door; the caller holds the device's lock.

    async def request(self, knock: Knock) -> PairRequest:
        """The pending request of a device that must wait: kept, superseded or new (6.3)."""
        now, held = self._now_ms(), self._live_request(knock.asked.device_id)
        expires = now + self._request_ttl_ms
        if held is not None and pairing_rules.request_covers(
            held.public_key, held.roles, held.scopes, knock.asked, knock.public_key
        ):
            kept = held.model_copy(update={"ts_ms": now, "expires_at_ms": expires})
            await self._registry.commit(kept)
            return kept
        new = new_request(knock, held, now, expires, knock.asked.device_id in self._registry.devices)
        entry = self._audit.entry(
            "device.request",
            f"device:{new.device_id}",
            new.device_id,
            remote_ip=new.remote_ip,
            requestId=new.request_id,
            role=new.role,
        )
        stale = self._registry.pair_requests.get(new.device_id)
        removal = [Remove(PairRequest, stale.request_id)] if stale is not None else []
        await self._registry.commit(*removal, new, entry)
        if stale is not None:
            # An expired one the clockwork did not meet yet ends aloud, too (chapter 27, row 18).
            self._announce(stale, "rejected", reason="superseded" if held is not None else "expired")
        self._events.broadcast("device.pair.requested", pair_request_row(new))
        return new

    async def approve_silently(self, knock: Knock, via: str) -> None:
        """Approve what a rule lets in without a person (6.4); `via` is the rule's `approvedVia`."""
        asked = knock.asked
        request = new_request(
            knock, None, self._now_ms(), self._now_ms(), asked.device_id in self._registry.devices
        )
        settled = self._settled_request(asked)
        entry = self._audit.entry(
            "device.approve",
            f"rule:{via}",
            asked.device_id,
            remote_ip=knock.remote_ip,
            role=asked.role,
            scopes=sorted(asked.scopes),
        )
        removal = [Remove(PairRequest, settled.request_id)] if settled is not None else []
        await self._registry.commit(*removal, *self._grant(request, via), entry)
        if settled is not None:
            self._announce(settled, "approved")

    async def approve_by_code(
        self,
        knock: Knock,
        roles: Iterable[str],
        scopes: Iterable[str],
        extra: Iterable[Row | Remove | Append],
    ) -> None:
        """Approve a device by its setup code, together with the changes in `extra` (6.6)."""
        asked, now = knock.asked, self._now_ms()
        held = self._settled_request(asked)
        request = new_request(knock, None, now, now, asked.device_id in self._registry.devices)
        request = request.model_copy(update={"roles": sorted(roles), "scopes": sorted(scopes)})
        entry = self._audit.entry(
            "device.approve",
            "rule:bootstrap",
            asked.device_id,
            remote_ip=knock.remote_ip,
            roles=request.roles,
            scopes=request.scopes,
        )
        removal = [Remove(PairRequest, held.request_id)] if held is not None else []
        await self._registry.commit(*removal, *self._grant(request, "bootstrap"), entry, *extra)
        self._announce(held or request, "approved")

    def refresh(self, knock: Knock) -> None:
        """Note a successful connect of a paired device: last seen, version, new OS version."""
        device, client = self._registry.devices[knock.asked.device_id], knock.params.client
        now = self._now_ms()
        changes: dict[str, Any] = {
            "last_seen_at_ms": now,
            "last_connected_at_ms": now,
            "last_seen_reason": "connect",
            "version": client.version,
            "model_identifier": client.model_identifier or device.model_identifier,
            "display_name": client.display_name or device.display_name,
            "client_id": client.id,
            "client_mode": client.mode,
            "remote_ip": knock.remote_ip,
        }
        pinned = pairing_rules.compare_metadata(
            device.platform, device.device_family, client.platform, client.device_family
        )
        if pinned == "refresh":
            changes["platform"] = client.platform
            changes["device_family"] = client.device_family or device.device_family
        self._registry.commit_later(device.model_copy(update=changes))

    def note_seen(self, device_id: str, reason: str) -> None:
        """Note that a device was alive now; stored behind the answer."""
        self._note(device_id, {"last_seen_at_ms": self._now_ms(), "last_seen_reason": reason})

    def note_disconnect(self, device_id: str) -> None:
        """Note when a device's socket went."""
        self._note(device_id, {"last_disconnected_at_ms": self._now_ms()})

    # Operators

    def list_for(self, caller: Caller, connected: Container[str | None]) -> dict[str, Any]:
        """`device.pair.list` (6.5); a device-token session without admin sees only itself."""
        approver, now = approver_of(self._registry, caller), self._now_ms()
        pending = [
            row
            for row in self._registry.pair_requests.values()
            if row.expires_at_ms > now and pairing_rules.may_manage_device(approver, row.device_id)
        ]
        paired = [
            row
            for row in self._registry.devices.values()
            if pairing_rules.may_manage_device(approver, row.device_id)
        ]
        return {
            "pending": [
                pair_request_row(row) for row in sorted(pending, key=lambda row: row.ts_ms, reverse=True)
            ],
            "paired": [
                device_row(self._registry, row, row.device_id in connected)
                for row in sorted(paired, key=lambda row: row.approved_at_ms, reverse=True)
            ],
        }

    async def approve(
        self,
        caller: Caller,
        request_id: str,
        connected: Container[str | None],
        also: Callable[[PairRequest], Iterable[Row | Remove | Append]] = lambda _: (),
    ) -> dict[str, Any]:
        """`device.pair.approve`: write the device, issue its tokens.

        Args:
            also: changes to commit with the approval; may refuse it by raising.

        Raises:
            InvalidRequestError: unknown or expired request, or the caller may not.
        """
        async with self._registry.lock(self._owner(request_id)):
            approver = approver_of(self._registry, caller)
            if not approver.is_admin and self._registry.pair_request(request_id) is None:
                # What exists is not told to those who could not approve it anyway (6.5).
                raise InvalidRequestError("device pairing approval denied", {"requestId": request_id})
            request = self._known_request(request_id)
            pairing_rules.check_device_approver(approver, request.device_id, request.roles, request.scopes)
            entry = self._audit.entry(
                "device.approve",
                caller,
                request.device_id,
                requestId=request_id,
                roles=request.roles,
                scopes=request.scopes,
            )
            grant = [*self._grant(request, "owner"), *also(request)]
            await self._registry.commit(Remove(PairRequest, request_id), *grant, entry)
        self._announce(request, "approved")
        device = self._registry.devices[request.device_id]
        return {
            "requestId": request_id,
            "device": device_row(self._registry, device, device.device_id in connected),
        }

    async def reject(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """`device.pair.reject`.

        Raises:
            InvalidRequestError: unknown or expired request, or another device's.
        """
        async with self._registry.lock(self._owner(request_id)):
            request = self._known_request(request_id)
            self._check_owner(caller, request.device_id, "device pairing rejection denied")
            entry = self._audit.entry("device.reject", caller, request.device_id, requestId=request_id)
            await self._registry.commit(Remove(PairRequest, request_id), entry)
        self._announce(request, "rejected")
        return {"requestId": request_id, "deviceId": request.device_id}

    async def remove(self, caller: Caller, device_id: str) -> dict[str, Any]:
        """`device.pair.remove`: the device, its tokens, requests and surface are gone.

        Raises:
            InvalidRequestError: unknown device, or another device's.
        """
        async with self._registry.lock(device_id):
            if device_id not in self._registry.devices:
                raise InvalidRequestError("unknown deviceId", {"deviceId": device_id})
            self._check_owner(caller, device_id, "device pairing removal denied")
            entry = self._audit.entry("device.remove", caller, device_id)
            await self._registry.commit(*self.removal(device_id), entry)
        self._events.broadcast("device.pair.changed", {})
        return {"deviceId": device_id}

    def removal(self, device_id: str) -> list[Remove]:
        """Everything that goes with a device."""
        gone = [Remove(Device, device_id), Remove(NodeSurface, device_id), Remove(LegacyNode, device_id)]
        gone += [
            Remove(DeviceToken, owner, role) for owner, role in self._registry.tokens if owner == device_id
        ]
        if (request := self._registry.pair_requests.get(device_id)) is not None:
            gone.append(Remove(PairRequest, request.request_id))
        if (surface := self._registry.surface_requests.get(device_id)) is not None:
            gone.append(Remove(SurfaceRequest, surface.request_id))
        return gone

    async def rename(self, caller: Caller, device_id: str, label: str) -> dict[str, Any]:
        """`device.pair.rename`: the operator's own name for a device.

        Raises:
            InvalidRequestError: unknown device, blank label, or another device's.
        """
        async with self._registry.lock(device_id):
            device = self._registry.devices.get(device_id)
            if device is None:
                raise InvalidRequestError("unknown deviceId", {"deviceId": device_id})
            self._check_owner(caller, device_id, "device rename denied")
            if not label.strip():
                raise InvalidRequestError("label required: give a name that is not blank")
            entry = self._audit.entry("device.rename", caller, device_id, label=label)
            await self._registry.commit(device.model_copy(update={"operator_label": label.strip()}), entry)
        self._events.broadcast("device.pair.changed", {})
        return {"deviceId": device_id, "label": label.strip()}

    async def extend(self, request_id: str) -> None:
        """Give a request its full time again, also an expired one; unknown ids are fine."""
        request = self._registry.pair_request(request_id)
        if request is not None:
            expires = self._now_ms() + self._request_ttl_ms
            await self._registry.commit(request.model_copy(update={"expires_at_ms": expires}))

    def purge_expired(self) -> None:
        """Drop requests nobody answered; announced, as silence would keep approvers waiting."""
        now = self._now_ms()
        for request in tuple(self._registry.pair_requests.values()):
            if request.expires_at_ms > now or self._registry.is_held(request.device_id):
                continue  # what is being decided now is left for the next round
            entry = self._audit.entry(
                "device.expire", "rule:expiry", request.device_id, "refused", requestId=request.request_id
            )
            self._registry.commit_later(Remove(PairRequest, request.request_id), entry)
            self._announce(request, "rejected", reason="expired")

    # Inside

    def _note(self, device_id: str, times: dict[str, Any]) -> None:
        def note() -> None:
            device = self._registry.devices.get(device_id)
            if device is not None:
                self._registry.commit_later(device.model_copy(update=times))

        self._registry.when_free(device_id, note)

    def _grant(self, request: PairRequest, via: str) -> list[Row | Append]:
        held, now = self._registry.devices.get(request.device_id), self._now_ms()
        roles = sorted({*request.roles, *(held.roles if held else ())})
        granted = sorted({*request.scopes, *(held.scopes if held else ())})
        fields: dict[str, Any] = {
            "public_key": request.public_key,
            "display_name": request.display_name,
            "platform": request.platform,
            "device_family": request.device_family,
            "client_id": request.client_id,
            "client_mode": request.client_mode,
            "remote_ip": request.remote_ip,
            "roles": roles,
            "scopes": granted,
            "approved_via": via,
            "approved_at_ms": now,
        }
        if held is not None:
            device = held.model_copy(update=fields)
        else:
            device = Device(device_id=request.device_id, created_at_ms=now, **fields)
        tokens = [
            self._tokens.issue(request.device_id, role, granted if role == "operator" else [])
            for role in request.roles
        ]
        return [device, *tokens]

    def _live_request(self, device_id: str) -> PairRequest | None:
        held = self._registry.pair_requests.get(device_id)
        return held if held is not None and held.expires_at_ms > self._now_ms() else None

    def _settled_request(self, asked: Asked) -> PairRequest | None:
        """The waiting request that an approval of `asked` leaves nothing to decide about."""
        held, before = (
            self._registry.pair_requests.get(asked.device_id),
            self._registry.approved(asked.device_id),
        )
        if held is None:
            return None
        roles = {asked.role, *(before.live_token_roles if before is not None else ())}
        granted = asked.scopes | (before.scopes if before is not None else frozenset())
        return held if roles.issuperset(held.roles) and granted.issuperset(held.scopes) else None

    def _owner(self, request_id: str) -> str:
        request = self._registry.pair_request(request_id)
        return request.device_id if request is not None else ""

    def _known_request(self, request_id: str) -> PairRequest:
        request = self._registry.pair_request(request_id)
        if request is None or request.expires_at_ms <= self._now_ms():
            raise InvalidRequestError("unknown requestId", {"requestId": request_id})
        return request

    def _check_owner(self, caller: Caller, device_id: str, message: str) -> None:
        if not pairing_rules.may_manage_device(approver_of(self._registry, caller), device_id):
            raise InvalidRequestError(message, {"reason": "other-device"})

    def _announce(self, request: PairRequest, decision: str, *, reason: str | None = None) -> None:
        payload = {
            "requestId": request.request_id,
            "deviceId": request.device_id,
            "decision": decision,
            "ts": self._now_ms(),
        }
        # The published schema closes this event: the reason goes to the trail only.
        if reason is not None:
            self._audit.note(f"device.request.{reason}", "gateway", request.device_id)
        self._events.broadcast("device.pair.resolved", payload)
        self.on_resolved(request, reason or decision)
