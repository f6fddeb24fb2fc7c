"""The built page on disk: which files there are, and in which compressed forms."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["BUILD_COMMAND", "STATIC_DIR", "StaticFile", "find_files", "is_built"]

STATIC_DIR: Final = Path(__file__).with_name("static")
"""Where the build of `ui/` puts the page; part of the wheel, never of the repository."""
BUILD_COMMAND: Final = "make ui"
"""What a person types in a clone that lacks the page."""

_INDEX = "index.html"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_TYPES: Final = {
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file of the page.

    Attributes:
        media_type: for `Content-Type`, with the charset of texts.
        forms: content encoding → file, best first; `identity` is always there, and last.
        hashed: its name changes with its content, so that it may be kept for ever.
    """

    media_type: str
    forms: dict[str, Path]
    hashed: bool


def is_built(directory: Path = STATIC_DIR) -> bool:
    """True when there is a page to serve."""
    return (directory / _INDEX).is_file()


def find_files(directory: Path = STATIC_DIR) -> dict[str, StaticFile]:
    """URL path → file; empty when the page was not built. `/` is the page itself."""
    if not is_built(directory):
        return {}
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.suffix not in (".br", ".gz"):
            name = path.relative_to(directory).as_posix()
            found["/" if name == _INDEX else f"/{name}"] = _describe(path, name)
    return found


def _describe(path: Path, name: str) -> StaticFile:
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    forms = {
        encoding: packed
        for encoding, suffix in _ENCODINGS
        if (packed := path.with_name(path.name + suffix)).is_file()
    }
    return StaticFile(media_type, {**forms, "identity": path}, name.startswith("assets/"))
