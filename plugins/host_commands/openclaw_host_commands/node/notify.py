"""system.notify on Linux: org.freedesktop.Notifications over the session bus (PROTOCOL 18.7)."""

from __future__ import annotations

import os
import sys
from typing import Any

from openclaw_core import CommandError
from openclaw_host_commands.models import NotifyParams, NotifyResult

__all__ = ["show"]

SERVICE = "org.freedesktop.Notifications"
OBJECT = "/org/freedesktop/Notifications"
URGENCY = {"passive": 0, "active": 1, "timeSensitive": 2}


async def show(args: NotifyParams, sender: str) -> NotifyResult:
    """Hand a notification to the desktop; `delivery` overlay is shown as system.

    Args:
        sender: the application name the desktop shows.

    Raises:
        CommandError: `UNAVAILABLE` with the cure: no bus, no notification service, or
            another operating system.
    """
    if sys.platform != "linux":
        raise _unavailable(
            f"this node host shows notifications on Linux only, not on {sys.platform}; use the app"
        )
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS") and not os.environ.get("XDG_RUNTIME_DIR"):
        raise _unavailable(
            "there is no session bus (DBUS_SESSION_BUS_ADDRESS is not set);"
            " start the node host inside the desktop session"
        )
    try:
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import DBusError
    except ImportError as error:
        raise _unavailable("dbus-fast is missing; pip install 'openclaw-host-commands[node]'") from error
    try:
        bus = await MessageBus().connect()
    except (OSError, EOFError, DBusError, ValueError) as error:
        raise _unavailable(
            f"the session bus does not answer ({error}); start the node host inside the desktop session"
        ) from error
    try:
        await _send(bus, args, sender)
    finally:
        bus.disconnect()
    return NotifyResult(ok=True)


async def _send(bus: Any, args: NotifyParams, sender: str) -> None:
    from dbus_fast import Message, MessageType, Variant

    hints = {"urgency": Variant("y", URGENCY[args.priority or "active"])}
    if args.sound:
        hints["sound-name"] = Variant("s", args.sound)
    summary, body = (args.title, args.body) if args.title else (args.body, "")
    reply = await bus.call(
        Message(
            destination=SERVICE,
            path=OBJECT,
            interface=SERVICE,
            member="Notify",
            signature="susssasa{sv}i",
            body=[sender, 0, "", summary or "", body or "", [], hints, -1],
        )
    )
    if reply.message_type is MessageType.ERROR:
        text = reply.body[0] if reply.body else reply.error_name
        raise _unavailable(f"the desktop refused the notification ({text}); run a notification service")


def _unavailable(text: str) -> CommandError:
    return CommandError("UNAVAILABLE", text)
