"""Params and results of `browser.proxy` (PROTOCOL 18.9), and the family's settings.

Params ignore fields they do not know and take null for absent, as the programs in the
field send both. Results keep what they do not know: a real node's answer passes whole.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from openclaw_browser.files import MAX_FILES, decoded_size, size_problem
from openclaw_browser.paths import normal_path
from openclaw_core.models import Params, Result, Whole

__all__ = [
    "ProxyFailure",
    "ProxyFile",
    "ProxyParams",
    "ProxyResult",
    "Route",
    "Upload",
    "UploadFile",
    "UploadProxyParams",
]

MAX_TIMEOUT_MS = 2**31 - 1


def _method(value: Any) -> Any:
    if value is None:
        return "GET"
    return value.strip().upper() if isinstance(value, str) else value


def _path(value: Any) -> Any:
    return normal_path(value) if isinstance(value, str) else value


def _blank_is_absent(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


def _file_size(value: Any) -> Any:
    if isinstance(value, str):
        decoded_size(value)
    return value


Base64 = Annotated[str, BeforeValidator(_file_size)]
_ProfileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Budget = Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS)]
Scalar = str | int | float | bool | None


class UploadFile(Params):
    """One file on its way to the node; only the last part of `name` counts."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    content_base64: Base64


class Upload(Params):
    """Files for a file chooser of the page."""

    envelope: Literal["browser-upload-v1"]
    files: Annotated[list[UploadFile], Field(min_length=1, max_length=MAX_FILES)]

    @model_validator(mode="after")
    def _keep_limits(self) -> Upload:
        problem = size_problem(decoded_size(file.content_base64) for file in self.files)
        if problem is not None:
            raise ValueError(problem)
        return self


class ProxyParams(Params):
    """One request to the node's browser.

    Attributes:
        method: GET when absent; any case.
        path: of a route, e.g. `/snapshot`.
        query, body: what the route reads; which is up to it.
        profile: browser profile; `profile` in query or body goes first.
        timeout_ms: budget of the whole request in ms, 20,000 when absent.
        error_envelope: `browser-v1` to get a route's failure as a result with status and body.
    """

    method: Annotated[Literal["GET", "POST", "DELETE"], BeforeValidator(_method)] = "GET"
    path: Annotated[str, Field(min_length=1, max_length=2048), BeforeValidator(_path)]
    query: dict[str, Scalar] | None = None
    body: Any = None
    profile: Annotated[_ProfileName | None, BeforeValidator(_blank_is_absent)] = None
    timeout_ms: Annotated[_Budget | None, Whole] = None
    error_envelope: Literal["browser-v1"] | None = None
    upload: Upload | None = None

    @model_validator(mode="after")
    def _take_no_upload(self) -> ProxyParams:
        if self.upload is not None and not isinstance(self, UploadProxyParams):
            raise ValueError("browser.proxy takes no upload; send it with browser.proxy.upload.v1")
        return self


class UploadProxyParams(ProxyParams):
    """A request that brings files for the page's file chooser."""

    upload: Upload

    @model_validator(mode="after")
    def _suit_the_file_chooser(self) -> UploadProxyParams:
        if (self.method, self.path) != ("POST", "/hooks/file-chooser"):
            raise ValueError(f"files go to POST /hooks/file-chooser only, not to {self.method} {self.path}")
        if not isinstance(self.body, dict) or "paths" in self.body:
            raise ValueError("body must be an object without paths; the files are in upload")
        return self


class ProxyFile(Result):
    """A file that the result names by `path`."""

    omitted = frozenset({"mimeType"})

    path: Annotated[str, Field(min_length=1)]
    base64: Base64
    mime_type: str | None = None


class Route(Result):
    """The profile that served the request: `resolved`, or `unavailable` when none was meant."""

    omitted = frozenset({"profile", "driver"})

    status: str
    profile: str | None = None
    driver: str | None = None


class ProxyFailure(Result):
    """A route's refusal: HTTP status and a body of `{error, code?, reason?, details?}`."""

    status: Annotated[int, Field(ge=400, le=599), Whole]
    body: dict[str, Any]


class ProxyResult(Result):
    """Either `result`, with the files it names, or `error` when the caller asked for the envelope."""

    omitted = frozenset({"error", "files", "route"})

    result: Any = None
    error: ProxyFailure | None = None
    files: list[ProxyFile] | None = None
    route: Route | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> ProxyResult:
        if ("result" in self.model_fields_set) == (self.error is not None):
            raise ValueError("must have either result or error")
        problem = size_problem(decoded_size(file.base64) for file in self.files or ())
        if problem is not None:
            raise ValueError(problem)
        return self

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        wire: dict[str, Any] = handler(self)
        if self.error is not None:
            del wire["result"]
        return {key: value for key, value in wire.items() if value is not None or key not in self.omitted}
