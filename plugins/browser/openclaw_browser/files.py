"""Files that travel with a browser request or its result, and how much of them (PROTOCOL 18.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_PAYLOAD_BYTES",
    "MAX_TOTAL_BYTES",
    "decoded_size",
    "size_problem",
    "visit_paths",
]

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024
MAX_FILES = 256
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""Of the whole result as JSON text inside JSON: a frame carries 25 MiB."""


def decoded_size(base64: str) -> int:
    """Bytes that a base64 text stands for.

    Raises:
        ValueError: its length is none that base64 has.
    """
    if len(base64) % 4:
        raise ValueError("is not base64: its length is no multiple of 4")
    return len(base64) // 4 * 3 - base64[-2:].count("=")


def size_problem(sizes: Iterable[int]) -> str | None:
    """Which limit files of these sizes (bytes) break; None when they keep all three."""
    count = total = 0
    for size in sizes:
        count, total = count + 1, total + size
        if size > MAX_FILE_BYTES:
            return f"a file of {size} bytes exceeds the limit of 10 MiB ({MAX_FILE_BYTES} bytes) a file"
    if count > MAX_FILES:
        return f"{count} files exceed the limit of {MAX_FILES} files"
    if total > MAX_TOTAL_BYTES:
        return f"{total} bytes exceed the limit of 16 MiB ({MAX_TOTAL_BYTES} bytes) for all files together"
    return None


def visit_paths(result: Any, visit: Callable[[str], str | None]) -> None:
    """Show `visit` each place of a route's result that names a file; what it returns goes there instead."""
    if not isinstance(result, dict):
        return
    owners = [(result, "path"), (result, "imagePath")]
    downloads = result.get("downloads")
    entries = [result.get("download"), *(downloads if isinstance(downloads, list) else ())]
    owners += [(entry, "path") for entry in entries if isinstance(entry, dict)]
    for owner, key in owners:
        path = owner.get(key)
        if isinstance(path, str) and path.strip():
            changed = visit(path)
            if changed is not None:
                owner[key] = changed
