"""A command's payload as content of the protocol: pictures and sound as such, the rest as JSON.

Which part of a payload is media is told by its form, whatever command it comes from: an object
with `base64` and, beside it, `format` or `mimeType`. Its `base64` is replaced by `media`, which
names the block that has the bytes.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Any

import orjson
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
)

__all__ = ["content_of"]

# What families and apps write into `format`; the system's table differs between machines.
_TYPES = {
    "aac": "audio/aac",
    "avif": "image/avif",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}


def content_of(payload: Any) -> tuple[list[ContentBlock], dict[str, Any] | None]:
    """The blocks, and the payload without its media as structured content.

    The first block is the JSON text; structured content is None for what is no object.
    """
    media: list[ContentBlock] = []
    rest = _part(payload, media)
    text = TextContent(text=orjson.dumps(rest).decode())
    return [text, *media], rest if isinstance(rest, dict) else None


def _part(value: Any, media: list[ContentBlock]) -> Any:
    """The value without its media, which are added to the list."""
    if isinstance(value, list):
        return [_part(item, media) for item in value]
    if not isinstance(value, dict):
        return value
    mime_type, data = _mime_type(value), value.get("base64")
    size = _size(data) if mime_type is not None and isinstance(data, str) else None
    if size is None:
        return {key: _part(item, media) for key, item in value.items()}
    assert mime_type is not None
    # The text is block 0.
    media.append(_block(mime_type, str(data), len(media) + 1))
    facts = {"mimeType": mime_type, "bytes": size, "block": len(media)}
    kept = {key: _part(item, media) for key, item in value.items() if key != "base64"}
    return {**kept, "media": facts}


def _mime_type(value: dict[str, Any]) -> str | None:
    given, form = value.get("mimeType"), value.get("format")
    if isinstance(given, str) and "/" in given:
        return given.partition(";")[0].strip().lower()
    if not isinstance(form, str):
        return None
    form = form.lower().lstrip(".")
    if "/" in form:
        return form
    return _TYPES.get(form) or mimetypes.guess_type(f"x.{form}")[0] or "application/octet-stream"


def _size(data: str) -> int | None:
    """Bytes that the base64 stands for; None for a text that is none, or is empty."""
    try:
        return len(base64.b64decode(data, validate=True)) or None
    except (binascii.Error, ValueError):
        return None


def _block(mime_type: str, data: str, number: int) -> ContentBlock:
    kind = mime_type.partition("/")[0]
    if kind == "image":
        return ImageContent(data=data, mime_type=mime_type)
    if kind == "audio":
        return AudioContent(data=data, mime_type=mime_type)
    # The protocol has no block for moving pictures and documents of its own.
    resource = BlobResourceContents(uri=f"openclaw://result/{number}", blob=data, mime_type=mime_type)
    return EmbeddedResource(resource=resource)
