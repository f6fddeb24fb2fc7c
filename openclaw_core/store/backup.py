"""A gateway's state as one file: database, keys and configuration, consistent while it runs.

The archive is a plain tar, readable by its owner only: it holds every secret of the gateway.
A manifest with the digest of each file comes first.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy.exc import DatabaseError

from openclaw_core.errors import StoreError
from openclaw_core.store.engine import explain

__all__ = ["DATABASE", "MANIFEST", "create_backup", "finish_restore", "staging", "unpack_backup"]

DATABASE = "openclaw.sqlite"
MANIFEST = "manifest.json"
_FORMAT = 1
# Beside the database; the lock and the head belong to the moment, not to the state.
_PATTERNS = ("openclaw.json", "gateway-*", "identity/*", "tls/*")
_NOT = frozenset(("gateway.lock", "gateway-audit-head"))
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_STAGED, _READY = ".restoring-", ".restore-ready"
_MOST_MANIFEST_BYTES = 1_000_000


def create_backup(state_dir: Path, file: Path, *, version: str, now_ms: int) -> dict[str, Any]:
    """Write the archive (0600); beside a running gateway it holds one moment of the database.

    Args:
        version: of this program, for the manifest.
        now_ms: Unix ms.

    Returns:
        The manifest.

    Raises:
        StoreError: there is no database, it cannot be read, or the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".openclaw-backup-", dir=file.parent) as scratch:
            _snapshot(state_dir / DATABASE, Path(scratch, DATABASE))
            members = {DATABASE: Path(scratch, DATABASE), **_copy_files(state_dir, Path(scratch))}
            manifest = {
                "format": _FORMAT,
                "createdAtMs": now_ms,
                "version": version,
                "files": {name: _describe(path) for name, path in members.items()},
            }
            packed = Path(scratch, "archive")
            _pack(packed, manifest, members)
            packed.replace(file)
    except OSError as error:
        raise StoreError(
            f"the backup {file} cannot be written: {error.strerror}; give a file in a directory of yours"
        ) from error
    return manifest


def unpack_backup(file: Path, directory: Path) -> dict[str, Any]:
    """Unpack an archive and compare every file with the manifest.

    Returns:
        The manifest.

    Raises:
        StoreError: it is no backup of this project, or it is damaged.
    """
    try:
        with tarfile.open(file) as archive:
            manifest = _read_manifest(archive.next(), archive)
            listed = dict(manifest["files"])
            for member in islice(archive, 1, None):
                expected = listed.pop(member.name, None)
                if expected is None:
                    raise _damaged(file, f"{member.name!r} is not in its manifest")
                if not _NAME.fullmatch(member.name) or not member.isfile():
                    raise _damaged(file, f"{member.name!r} is no plain file or leads out of it")
                _unpack_member(archive.extractfile(member), directory / member.name)
                if _describe(directory / member.name) != expected:
                    raise _damaged(file, f"{member.name} was changed or cut off")
    except FileNotFoundError:
        raise StoreError(f"there is no file {file}; make one with: openclaw backup create FILE") from None
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError, OSError, EOFError) as error:
        raise _damaged(file, str(error)) from error
    if listed or DATABASE not in manifest["files"]:
        raise _damaged(file, f"{', '.join(listed) or DATABASE} is missing")
    return manifest


@contextmanager
def staging(state_dir: Path) -> Iterator[Path]:
    """A private directory on the state's file system; what it holds at the end is put in force.

    Whoever is interrupted before the end changed nothing; after the directory's renaming, which
    is one step, `finish_restore` completes the work, now or at the next start of a gateway.
    """
    finish_restore(state_dir)
    for stale in state_dir.glob(f"{_STAGED}*"):  # of a restore that was killed
        shutil.rmtree(stale)
    directory = state_dir / f"{_STAGED}{secrets.token_hex(4)}"
    directory.mkdir(mode=0o700)
    try:
        yield directory
        directory.rename(state_dir / _READY)
        _sync(state_dir)
        finish_restore(state_dir)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def finish_restore(state_dir: Path) -> bool:
    """Put a verified restore in force; False when none waits. Its holder has the state's lock."""
    ready = state_dir / _READY
    if not ready.is_dir():
        return False
    # The old database's journal must never be replayed into the restored file.
    for suffix in ("-wal", "-shm"):
        (state_dir / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    for path in sorted(item for item in ready.rglob("*") if item.is_file()):
        target = state_dir / path.relative_to(ready)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        path.replace(target)
    _sync(state_dir)
    shutil.rmtree(ready)
    return True


def _snapshot(source: Path, target: Path) -> None:
    if not source.exists():
        raise StoreError(f"there is no database at {source}: start a gateway once: openclaw gateway run")
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=5)) as held,
            closing(sqlite3.connect(target)) as copy,
        ):
            held.backup(copy)  # in one step: one moment, and no writer waits for it
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, no journal beside it
    except sqlite3.Error as error:
        raise explain(DatabaseError("", None, error), "reading") from error


def _state_files(state_dir: Path) -> dict[str, Path]:
    found = (path for pattern in _PATTERNS for path in sorted(state_dir.glob(pattern)))
    named = ((path.relative_to(state_dir).as_posix(), path) for path in found if path.is_file())
    return {name: path for name, path in named if name not in _NOT and _NAME.fullmatch(name)}


def _copy_files(state_dir: Path, scratch: Path) -> dict[str, Path]:
    """Copies that nobody changes while they are described and packed."""
    copies: dict[str, Path] = {}
    for name, path in _state_files(state_dir).items():
        copy = scratch / f"file-{len(copies)}"
        with suppress(FileNotFoundError):  # removed since it was listed
            shutil.copyfile(path, copy)
            copies[name] = copy
    return copies


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, hashlib.blake2b).hexdigest()
    return {"bytes": path.stat().st_size, "blake2b": digest}


def _pack(target: Path, manifest: dict[str, Any], members: dict[str, Path]) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            head = orjson.dumps(manifest)
            archive.addfile(_member(MANIFEST, len(head), manifest), io.BytesIO(head))
            for name, path in members.items():
                with path.open("rb") as content:
                    archive.addfile(_member(name, manifest["files"][name]["bytes"], manifest), content)
        file.flush()
        os.fsync(file.fileno())


def _member(name: str, size: int, manifest: dict[str, Any]) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, manifest["createdAtMs"] // 1000
    return member


def _read_manifest(member: tarfile.TarInfo | None, archive: tarfile.TarFile) -> dict[str, Any]:
    if member is None or member.name != MANIFEST or member.size > _MOST_MANIFEST_BYTES:
        raise ValueError("it does not begin with a manifest")
    content = archive.extractfile(member)
    manifest: dict[str, Any] = orjson.loads(content.read() if content is not None else b"")
    if manifest["format"] != _FORMAT:
        raise ValueError(f"its format is {manifest['format']!r}, this version reads {_FORMAT}")
    return manifest


def _unpack_member(content: IO[bytes] | None, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(content or io.BytesIO(), file)
        file.flush()
        os.fsync(file.fileno())


def _damaged(file: Path, why: str) -> StoreError:
    return StoreError(f"{file} is no usable backup: {why}; nothing was changed, take another one")


def _sync(*directories: Path) -> None:
    """Make renames durable, where directories can be flushed."""
    for directory in directories:
        try:
            handle = os.open(directory, os.O_RDONLY)
        except OSError:  # Windows opens no directories
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
