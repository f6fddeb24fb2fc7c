"""Params and results of the commands of phones, watches and desktop apps (PROTOCOL 18.4, 18.6).

The contract pins few of these shapes. `OpenParams` and `OpenResult` are for the others: any
object passes with every field it has.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from openclaw_core.models import Params, Result, Whole

__all__ = [
    "App",
    "AppsParams",
    "AppsResult",
    "ComputerActParams",
    "NotificationActionParams",
    "OpenParams",
    "OpenResult",
    "PhotosParams",
    "SendTextParams",
    "WatchNotifyParams",
    "WatchNotifyResult",
    "WatchStatusResult",
]

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0), Whole]


class OpenParams(Params):
    """A query object whose fields the contract does not pin; they go to the app as they are."""

    model_config = ConfigDict(extra="allow")


class OpenResult(Result):
    """An answer whose fields the contract does not pin; they go to the caller as they are."""


class AppsParams(Params):
    """`device.apps`: those whose name has `query` in it, at most `limit`."""

    query: str | None = None
    limit: Annotated[int, Field(ge=1, le=200), Whole] | None = None
    include_system: bool | None = None


class App(Result):
    """One installed app; on Android `bundleId` is the package name and there is no path."""

    label: str
    bundle_id: str
    path: str | None = None
    system: bool | None = None


class AppsResult(Result):
    """Installed apps; `totalMatched` counts those that `limit` cut off, too."""

    count: Count
    total_matched: Count
    truncated: bool
    apps: list[App]


class NotificationActionParams(Params):
    """`notifications.actions`: do something to the notification `key` of `notifications.list`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key": "0|chat|7", "action": "dismiss"}]})

    key: Text
    action: Literal["open", "dismiss", "reply"]
    reply_text: str | None = None

    @model_validator(mode="after")
    def _reply_with_something(self) -> Self:
        if self.action == "reply" and not (self.reply_text or "").strip():
            raise PydanticCustomError(
                "reply_without_text", "action reply needs a replyText that is not empty"
            )
        return self


class SendTextParams(Params):
    """`sms.send`."""

    to: Text
    message: Text


class PhotosParams(OpenParams):
    """`photos.latest`: the newest photos, at most `limit`; further fields are not pinned."""

    limit: Annotated[int, Field(ge=1), Whole] | None = None


class WatchNotifyParams(Params):
    """`watch.notify`."""

    title: str
    body: str
    priority: Literal["passive", "active", "timeSensitive"] | None = None


class WatchStatusResult(Result):
    """The watch paired with a phone."""

    supported: bool
    paired: bool
    app_installed: bool
    reachable: bool
    activation_state: str


class WatchNotifyResult(Result):
    """How a notification went to the watch."""

    delivered_immediately: bool
    queued_for_delivery: bool
    transport: str


class ComputerActParams(OpenParams):
    """`computer.act`: an action of contract version 2; its other fields are not pinned.

    Attributes:
        execution_id: UUID of the task; the one of the `screen.snapshot` it looks at.
        display_frame_id, ref_width: of that picture; actions that point at something need them.
    """

    execution_id: Annotated[
        str, Field(pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\z")
    ]
    display_frame_id: Any = None
    ref_width: Annotated[float, Field(gt=0)] | None = None
