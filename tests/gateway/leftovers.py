"""What a refused connect may leave behind: one audit entry, and what the test names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import PATIENCE_SECONDS, FakeDevice, TestGateway, Wire

__all__ = [
    "assert_audited",
    "assert_nothing_left",
    "assert_refused",
    "auth_details",
    "holdings",
    "until",
]

Params = dict[str, Any] | Callable[[Wire], dict[str, Any]]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Let the event loop turn until the condition holds; bounded."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 — what is waited for is private to the gateway
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"still not so after {PATIENCE_SECONDS} s: {what}") from None


@dataclass(frozen=True)
class Holdings:
    """What a gateway holds: connections, and the rows that pairing writes."""

    connections: int
    devices: dict[str, tuple[str, ...]]
    tokens: frozenset[tuple[str, str, int, bool]]
    pair_requests: frozenset[str]
    surface_requests: frozenset[str]


def holdings(gateway: TestGateway) -> Holdings:
    """Take stock, to compare with later."""
    held = gateway.server.gateway
    registry = held.runtime.registry
    return Holdings(
        connections=len(held.connections),
        devices={row.device_id: (*row.roles, *row.scopes) for row in registry.devices.values()},
        tokens=frozenset(
            (row.device_id, row.role, row.generation, row.revoked_at_ms is None)
            for row in registry.tokens.values()
        ),
        pair_requests=frozenset(registry.pair_requests),
        surface_requests=frozenset(registry.surface_requests),
    )


async def assert_nothing_left(
    gateway: TestGateway, before: Holdings, *, requests: frozenset[str] = frozenset()
) -> None:
    """No place, task, lock or row beyond what was held before.

    Args:
        requests: devices whose pending request is the documented outcome.
    """
    held = gateway.server.gateway
    runtime = held.runtime
    await until(
        # One that was replaced may have gone meanwhile.
        lambda: not held.door and not held._tasks and len(held.connections) <= before.connections,
        "the refused connection is gone, its place given back, its task done",
    )
    after = holdings(gateway)
    assert after.pair_requests == before.pair_requests | requests
    assert after.devices == before.devices
    assert after.tokens == before.tokens
    assert after.surface_requests == before.surface_requests
    assert len(runtime.events) == len(held.connections)
    assert not runtime.registry._locks


async def assert_audited(
    gateway: TestGateway, code: str, actor: str, subject: str | None, kind: str = "connect"
) -> None:
    """The newest refusal of the trail is this one, and it holds no secret."""
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    row = [item for item in rows if item.kind == kind and item.outcome != "ok"][-1]
    assert (row.outcome, row.actor, row.subject) == ("refused", actor, subject)
    assert orjson.loads(row.details or "{}")["code"] == code
    assert gateway.config.auth.token is None or gateway.config.auth.token not in (row.details or "")


async def assert_refused(
    gateway: TestGateway,
    params: Params,
    device: FakeDevice | None = None,
    *,
    details: dict[str, Any],
    begins: str,
    code: str = "INVALID_REQUEST",
    close_code: int = 1008,
    wire: Wire | None = None,
    waits: bool = False,
) -> dict[str, Any]:
    """Connect, be refused as told, and leave nothing behind; the error object.

    Args:
        params: of the connect; a function gets the socket's wire and has signed by itself.
        details: the whole of `error.details`.
        begins: the beginning of the message.
        waits: a pair request stays and its id stands in details and close reason (6.2).
    """
    wire = wire or await gateway.wire()
    before = holdings(gateway)
    sent = params(wire) if callable(params) else params
    response = await wire.connect(sent, device)
    assert response["ok"] is False, response
    error: dict[str, Any] = response["error"]
    assert error["code"] == code
    assert error["message"].startswith(begins), error
    if waits:
        details = {**details, "requestId": error["details"]["requestId"]}
    assert error.get("details") == details
    reason = error["message"]
    if waits:
        assert_cut(await wire.closed(), reason, details["requestId"])
    else:
        assert await wire.closed() == (close_code, reason.encode()[:123].decode(errors="ignore"))
    device_id = device.device_id if device else (sent.get("device") or {}).get("id")
    await assert_nothing_left(
        gateway, before, requests=frozenset((device_id,) if waits and device_id else ())
    )
    await assert_audited(gateway, details["code"], f"client:{sent['client']['id']}", device_id)
    return error


def auth_details(code: str, reason: str, step: str, *, retry: bool = False) -> dict[str, Any]:
    """The whole of `error.details` of a refused credential (5.4)."""
    return {
        "code": code,
        "authReason": reason,
        "canRetryWithDeviceToken": retry,
        "recommendedNextStep": step,
    }


def assert_cut(close: tuple[int, str], message: str, request_id: str) -> None:
    """Code 1008, `<message> (requestId: …)` in 123 bytes; the id is never what is cut (1.3)."""
    code, reason = close
    suffix = f" (requestId: {request_id})"
    assert code == 1008
    assert len(reason.encode()) <= 123
    assert reason.endswith(suffix)
    said = reason.removesuffix(suffix)
    assert said == message or message.startswith(said.removesuffix("…"))
