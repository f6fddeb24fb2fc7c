"""Node events of phones (PROTOCOL 12.1): changed notifications reach operators, push tokens are taken."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from openclaw_core.models import Result

__all__ = ["CHANGED", "PUSH_REGISTER", "NotificationChanged", "read_change"]

CHANGED = "notifications.changed"
PUSH_REGISTER = "push.apns.register"
"""Answered and not kept: this gateway sends no push messages of Apple's."""


class NotificationChanged(Result):
    """A notification came or went on a device."""

    change: Literal["posted", "removed"]
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    package_name: str | None = None
    title: str | None = None
    text: str | None = None


def read_change(payload: object) -> NotificationChanged | None:
    """The change, or None for a payload that is not one."""
    try:
        return NotificationChanged.model_validate(payload)
    except ValidationError:
        return None
