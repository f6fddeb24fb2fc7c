"""What else than 101 an upgrade request may get: plain HTTP, or a wait (PROTOCOL 1.1)."""

from __future__ import annotations

from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

__all__ = ["HttpRefusal", "UpgradeWaits"]


class HttpRefusal(Exception):  # noqa: N818 — it is an answer, not a failure
    """Answer the upgrade request with plain HTTP instead."""

    def __init__(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.content_type = content_type
        self.body = body

    def to_response(self) -> Response:
        headers = Headers(
            {
                "Content-Type": self.content_type,
                "Content-Length": str(len(self.body)),
                "Connection": "close",
            }
        )
        return Response(self.status.value, self.status.phrase, headers, self.body)


class UpgradeWaits(Exception):  # noqa: N818 — it is no answer yet, not a failure
    """Leave the upgrade request open until `answer_held`."""
