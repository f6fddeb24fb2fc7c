"""The three frames (PROTOCOL 2.1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Timestamp, Wire

__all__ = ["ErrorShape", "EventFrame", "RequestFrame", "ResponseFrame", "StateVersion"]


class ErrorShape(Wire):
    """`error` of a refused request (2.1); `retry_after_ms` in milliseconds."""

    code: NonEmpty
    message: NonEmpty
    details: Any = None
    retryable: Omittable[bool] = None
    retry_after_ms: Omittable[Timestamp] = None


class RequestFrame(Wire):
    """A call; `id` is opaque to the gateway."""

    type: Literal["req"]
    id: NonEmpty
    method: NonEmpty
    params: Any = None
    traceparent: Omittable[Annotated[str, Field(max_length=128)]] = None
    expected_profile_id: Omittable[str] = None


class ResponseFrame(Wire):
    """The answer to the request with the same `id`."""

    type: Literal["res"]
    id: NonEmpty
    ok: bool
    payload: Any = None
    error: Omittable[ErrorShape] = None


class StateVersion(Wire):
    """Counters that only grow during one gateway process (2.2)."""

    presence: Annotated[Integer, Field(ge=0)]
    health: Annotated[Integer, Field(ge=0)]


class EventFrame(Wire):
    """A push; `seq` is present on broadcasts only and counts per connection (2.2)."""

    type: Literal["event"]
    event: NonEmpty
    payload: Any = None
    seq: Omittable[Annotated[Integer, Field(ge=0)]] = None
    state_version: Omittable[StateVersion] = None
    recipient_profile_id: Omittable[str] = None
