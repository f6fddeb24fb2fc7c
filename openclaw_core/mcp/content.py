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

_FRAME_CHARS = 4_000
"""Kept free for notes and for what the protocol writes around blocks."""

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


def content_of(payload: Any, most_chars: int) -> tuple[list[ContentBlock], dict[str, Any] | None]:
    """The blocks, and the payload without its media as structured content.

    The first block is the JSON text; structured content is None for what is no object. What makes
    the answer too long for its way to the agent is left out, the largest first, and that is said.

    Args:
        most_chars: of all blocks and the structured content together.
    """
    media = _Media()
    rest = media.taken_from(payload)
    text = _text(rest)
    if 2 * len(text) + sum(media.sizes) > most_chars:
        media = _Media(_too_many(media.sizes, most_chars - 2 * len(text) - _FRAME_CHARS))
        rest = media.taken_from(payload)
        text = _text(rest)
    notes = [TextContent(text=note) for note in media.notes]
    if 2 * len(text) > most_chars:
        note = f"The result has {len(text)} characters, too many for this connection; this is its beginning."
        return [TextContent(text=text[: most_chars // 4]), TextContent(text=note), *notes], None
    return [TextContent(text=text), *media.blocks, *notes], rest if isinstance(rest, dict) else None


def _text(rest: Any) -> str:
    return orjson.dumps(rest).decode()


def _too_many(sizes: list[int], most: int) -> set[int]:
    """Which of them to leave out so that the others are no more than that."""
    kept, total = dict(enumerate(sizes)), sum(sizes)
    while kept and total > most:
        largest = max(kept, key=kept.__getitem__)
        total -= kept.pop(largest)
    return set(range(len(sizes))) - kept.keys()


class _Media:
    """What a payload has of them.

    Args:
        left_out: those to leave out, by their number in the payload.

    Attributes:
        sizes: of each, in characters.
        notes: told for each that was left out.
    """

    def __init__(self, left_out: set[int] | None = None) -> None:
        self.blocks: list[ContentBlock] = []
        self.sizes: list[int] = []
        self.notes: list[str] = []
        self._left_out = left_out or set()

    def taken_from(self, value: Any) -> Any:
        """The value without its media."""
        if isinstance(value, list):
            return [self.taken_from(item) for item in value]
        if not isinstance(value, dict):
            return value
        mime_type, data = _mime_type(value), value.get("base64")
        size = _size(data) if mime_type is not None and isinstance(data, str) else None
        if size is None:
            return {key: self.taken_from(item) for key, item in value.items()}
        facts = self._take(str(mime_type), str(data), size)
        kept = {key: self.taken_from(item) for key, item in value.items() if key != "base64"}
        return {**kept, "media": facts}

    def _take(self, mime_type: str, data: str, size: int) -> dict[str, Any]:
        facts: dict[str, Any] = {"mimeType": mime_type, "bytes": size}
        self.sizes.append(len(data))
        if len(self.sizes) - 1 in self._left_out:
            self.notes.append(
                f"The {mime_type} of {size} bytes is left out, as it is too large for this connection; "
                "call again for less, such as a smaller maxWidth, a lower quality or a shorter time."
            )
            return {**facts, "leftOut": True}
        # The text is block 0.
        self.blocks.append(_block(mime_type, data, len(self.blocks) + 1))
        return {**facts, "block": len(self.blocks)}


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
