"""What an attack leaves behind: a row of the audit trail that names it, read as an operator reads it."""

from __future__ import annotations

from typing import Any

from openclaw_core.testing import FakeDevice, TestGateway, Wire, operator_params

__all__ = ["assert_in_trail", "assert_wait_in_trail", "error_of", "session_of"]


async def assert_in_trail(
    gateway: TestGateway,
    kind: str,
    code: str,
    *,
    actor: str,
    subject: str | None = None,
    reason: str | None = None,
    ip: str | None = None,
) -> dict[str, Any]:
    """`audit.list` holds this refusal; the row."""
    operator = await gateway.operator()
    told = await operator.call("audit.list", {"kinds": [kind], "outcome": "refused"})
    wanted = {"kind": kind, "actor": actor, "subject": subject, "remoteIp": ip}
    same = [event for event in told["events"] if wanted == {key: event.get(key) for key in wanted}]
    found = [event for event in same if event["details"]["code"] == code]
    assert found, (wanted, code, told["events"])
    row: dict[str, Any] = found[0]
    if reason is not None:
        assert row["details"].get("reason") == reason
    return row


async def assert_wait_in_trail(
    gateway: TestGateway, device: FakeDevice, reason: str, *, client: str = "node-host", ip: str | None = None
) -> None:
    """The trail says that this device was told to wait for a person, and why."""
    actor, subject = f"client:{client}", device.device_id
    await assert_in_trail(
        gateway, "connect", "PAIRING_REQUIRED", actor=actor, subject=subject, reason=reason, ip=ip
    )


def error_of(response: dict[str, Any]) -> tuple[str, str, Any]:
    """Code, message and details of a refused request."""
    assert response["ok"] is False, response
    error = response["error"]
    return error["code"], error["message"], error.get("details")


async def session_of(gateway: TestGateway, device: FakeDevice, scopes: list[str]) -> Wire:
    """An operator that is connected by its device token and holds these scopes."""
    first = await gateway.wire()
    hello = await first.connect(operator_params(scopes), device)
    offer = {"deviceToken": hello["payload"]["auth"]["deviceToken"]}
    wire = await gateway.wire()
    answer = await wire.connect(operator_params(scopes, auth=offer), device)
    assert answer["ok"], answer
    return wire
