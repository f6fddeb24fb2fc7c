"""Pictures and documents from a node's browser, kept on the gateway's machine for who asked."""

from __future__ import annotations

import base64
import binascii
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from openclaw_browser.files import visit_paths
from openclaw_browser.models import ProxyFile

__all__ = ["KEPT_S", "keep_files", "media_directory"]

KEPT_S = 24 * 3600
"""How long a file is kept, in seconds; older ones go when new ones come."""


def media_directory() -> Path:
    """`media/browser` of the gateway's state directory."""
    state = os.environ.get("OPENCLAW_STATE_DIR") or "~/.openclaw"
    return Path(state).expanduser() / "media" / "browser"


def keep_files(result: Any, files: Iterable[ProxyFile], directory: Path) -> None:
    """Write the files and name their new places in the result; blocks on the disk.

    Raises:
        ValueError: the result names a file that did not come, or one came that it does not name.
    """
    named: set[str] = set()
    visit_paths(result, named.add)
    held = {file.path: file for file in files}
    if named != held.keys():
        odd = ", ".join(sorted(named ^ held.keys()))
        raise ValueError(f"its result and its files do not name the same paths: {odd[:300]}")
    if not held:
        return
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_old(directory)
    places = {path: _write(file, directory) for path, file in held.items()}
    visit_paths(result, lambda path: str(places[path]))


def _write(file: ProxyFile, directory: Path) -> Path:
    try:
        data = base64.b64decode(file.base64, validate=True)
    except binascii.Error as error:
        raise ValueError(f"file {file.path!r} is not base64: {error}") from None
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(file.path).name)[-80:].lstrip(".")
    place = directory / f"{uuid4()}-{name or 'file'}"
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
    return place


def _forget_old(directory: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in directory.iterdir():
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
