"""`openclaw nodes approve`: a surface request, or a node's device request with its surface."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli.call import Call
from openclaw_core.cli.device_tables import device_name
from openclaw_core.cli.failure import CliError
from openclaw_core.errors import RpcError

__all__ = ["approve_device_and_surface"]


async def approve_device_and_surface(call: Call, request_id: str) -> bool:
    """Approve a waiting node's device and what it declares; False when no device request matches.

    A gateway that knows no joint approval gets the device approved, and the person is told
    that the commands wait for a second one.

    Raises:
        CliError: the request is an operator's.
        RpcError: the gateway refuses.
    """
    waiting = (await call.request("device.pair.list"))["pending"]
    request = next((item for item in waiting if item["requestId"] == request_id), None)
    if request is None:
        return False
    if "node" not in (request.get("roles") or [request.get("role")]):
        raise CliError(
            f"request {request_id} is not a node's: it asks to be an operator",
            code="NOT_A_NODE",
            details={"requestId": request_id, "roles": request.get("roles")},
            steps=(f"if you want that: openclaw devices approve {request_id}",),
        )
    try:
        answer = await call.request("device.pair.approve", {"requestId": request_id, "surface": True})
        call.show(answer, *_both_lines(answer, request))
    except RpcError as error:
        if not error.message.startswith("invalid device.pair.approve params"):
            raise
        answer = await call.request("device.pair.approve", {"requestId": request_id})
        call.show(answer, *_device_lines(request))
    return True


def _both_lines(answer: dict[str, Any], request: dict[str, Any]) -> list[str]:
    surface = answer.get("device", {}).get("nodeSurface") or {}
    commands = ", ".join(surface.get("commands") or ()) or "none"
    return [*_device_lines(request)[:1], f"Approved its commands: {commands}", "It comes in by itself."]


def _device_lines(request: dict[str, Any]) -> list[str]:
    code = verification_code(request["deviceId"])
    shown = f" (verification code {code})" if code else ""
    return [
        f"Approved the device of {device_name(request)}{shown}",
        "This gateway approves its commands separately: when it is connected, openclaw nodes pending",
    ]
