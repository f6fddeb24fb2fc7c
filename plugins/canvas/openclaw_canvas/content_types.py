"""Content types by file name; the same on every machine, whatever its own tables say."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import PurePosixPath

__all__ = ["content_type"]

_OWN = {
    ".avif": "image/avif",
    ".jsonl": "application/jsonl",
    ".js": "text/javascript",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_TEXT = ("application/json", "application/jsonl", "application/manifest+json", "image/svg+xml")


def content_type(path: str) -> str:
    """The header's value for a file of this name; `application/octet-stream` for an unknown one."""
    suffix = PurePosixPath(path).suffix.lower()
    kind = _OWN.get(suffix) or _common().get(suffix) or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in _TEXT else kind


@cache
def _common() -> dict[str, str]:
    return mimetypes.MimeTypes().types_map[1]  # Python's own table, without the system's files
