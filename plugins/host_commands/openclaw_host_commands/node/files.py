"""fs.listDir and terminal.upload on this machine (PROTOCOL 18.8)."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import shutil
import tempfile
from pathlib import Path

from openclaw_core import CommandError
from openclaw_host_commands.device_models import (
    Folder,
    ListDirParams,
    ListDirResult,
    UploadParams,
    UploadResult,
)

__all__ = ["list_folders", "store_upload"]


async def list_folders(args: ListDirParams) -> ListDirResult:
    """The folders in a folder, by name; links to folders are folders.

    Raises:
        CommandError: `INVALID_REQUEST`: there is no such folder, or it may not be read.
    """
    return await asyncio.to_thread(_list, args.path)


def _list(asked: str | None) -> ListDirResult:
    home = Path.home()
    try:
        path = Path(os.path.normpath(home / Path(asked or home).expanduser()))
        with os.scandir(path) as found:
            names = sorted(entry.name for entry in found if _is_folder(entry))
    except (OSError, ValueError, RuntimeError) as error:
        code = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        why = getattr(error, "strerror", None) or str(error)
        text = f"Error: {code}: {why.lower()}: {asked!r}; name a folder this user may read"
        raise CommandError("INVALID_REQUEST", text) from error
    return ListDirResult(
        path=str(path),
        parent=str(path.parent) if path.parent != path else None,
        home=str(home),
        entries=[_folder(path / name) for name in names],
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _folder(path: Path) -> Folder:
    hidden = {"hidden": True} if path.name.startswith(".") else {}
    return Folder(name=path.name, path=str(path), **hidden)


async def store_upload(args: UploadParams) -> UploadResult:
    """Write the file into a new folder that only this user may enter.

    Raises:
        CommandError: `UNAVAILABLE`: the disk refused.
    """
    return await asyncio.to_thread(_store, args)


def _store(args: UploadParams) -> UploadResult:
    content = base64.b64decode(args.content_base64)
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="openclaw-terminal-upload-"))
        path = folder / args.name
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise CommandError("UNAVAILABLE", f"{args.name} cannot be written ({error}); make room") from error
    return UploadResult(path=str(path), size=len(content))
