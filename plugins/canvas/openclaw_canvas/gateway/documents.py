"""Hosted documents: directories of files on the gateway's disk, served below `documents/<id>/`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from openclaw_canvas.settings import CanvasSettings
from openclaw_core.errors import InvalidRequestError

__all__ = ["DOCUMENTS_PATH", "Document", "Documents", "explain_id", "explain_path"]

DOCUMENTS_PATH = "/__openclaw__/canvas/documents/"
INDEX = "index.html"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_FILES = 1_000
_MOST_DEPTH = 16
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        files: path inside the document → size in bytes.
        updated_at_ms: last change of any file, Unix ms.
    """

    id: str
    files: Mapping[str, int]
    updated_at_ms: int

    @property
    def path(self) -> str:
        """Where it is served; what `canvas.navigate` takes as `url`."""
        return f"{DOCUMENTS_PATH}{quote(self.id)}/"


def explain_id(document_id: str) -> str | None:
    """Why this is no id of a document; None when it is one."""
    if _ID.fullmatch(document_id):
        return None
    return f"id {document_id!r} must be 1 to 64 letters, digits, '.', '_' or '-', the first no sign"


def explain_path(path: str) -> str | None:
    """Why no file of a document can have this path; None when one can."""
    parts = path.split("/")
    if _FORBIDDEN.search(path):
        return f"path {path!r} holds a character that file names cannot have everywhere"
    if len(parts) > _MOST_DEPTH or any(len(part.encode("utf-8", "replace")) > 200 for part in parts):
        return f"path {path!r} is too long: at most {_MOST_DEPTH} parts of 200 bytes"
    if any(part == "" or part.startswith(".") for part in parts):
        return f"path {path!r} must be relative, e.g. 'img/logo.png', and no part may start with '.'"
    return None


class Documents:
    """The documents in one directory. What people put there by hand is served too.

    Everything here blocks on the disk: call it from a thread. A document is replaced whole, by
    a rename, so that nobody is served half of it.

    Args:
        root: holds one directory per document; made when the first is put.
    """

    def __init__(self, root: Path, settings: CanvasSettings) -> None:
        self._root = root
        self._settings = settings
        self._turn = threading.Lock()  # for readers, too: between two renames there is no document

    def put(self, document_id: str, files: Mapping[str, bytes], *, replace: bool) -> Document:
        """Store a document.

        Args:
            files: path → content; ids and paths were checked.
            replace: forget its other files; else they stay.

        Raises:
            InvalidRequestError: a limit is exceeded, or a path is a file's and a directory's.
        """
        with self._turn:
            place = self._root / document_id
            if not place.is_dir() and self._count() >= self._settings.max_documents:
                raise _refuse(f"{self._settings.max_documents} documents are kept; remove one first")
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".put-", dir=self._root) as made:
                fresh = Path(made) / "new"
                if place.is_dir() and not replace:
                    shutil.copytree(place, fresh, symlinks=True)
                fresh.mkdir(exist_ok=True)
                for path, content in files.items():
                    _write(fresh, path, content)
                self._check_limits(document_id, fresh)
                if place.is_dir():
                    place.rename(Path(made) / "old")
                fresh.rename(place)
            return self._describe(document_id)

    def remove(self, document_id: str) -> None:
        """Delete a document.

        Raises:
            InvalidRequestError: there is none of this id.
        """
        with self._turn:
            place = self._known(document_id)
            with tempfile.TemporaryDirectory(prefix=".rm-", dir=self._root) as doomed:
                place.rename(Path(doomed) / "old")

    def all(self) -> list[Document]:
        """Every document, by id."""
        with self._turn:
            return [self._describe(name) for name in self._names()]

    def find(self, document_id: str, path: str) -> Path | None:
        """The file to serve; a directory stands for its index.html. None when there is none."""
        if explain_id(document_id):
            return None
        path = path.removesuffix("/")
        if path and explain_path(path):
            return None
        with self._turn:
            place = (self._root / document_id).resolve()
            wanted = (place / path).resolve()
            if wanted.is_dir():
                wanted = (wanted / INDEX).resolve()
            # A link that somebody put there must not lead out of the document.
            return wanted if wanted.is_relative_to(place) and wanted.is_file() else None

    def _describe(self, document_id: str) -> Document:
        place = self._root / document_id
        found = {str(path.relative_to(place)): path.stat() for path in _files(place)}
        changed = max((item.st_mtime_ns for item in found.values()), default=place.stat().st_mtime_ns)
        sizes = {path.replace(os.sep, "/"): item.st_size for path, item in sorted(found.items())}
        return Document(document_id, sizes, changed // 1_000_000)

    def _known(self, document_id: str) -> Path:
        place = self._root / document_id
        if not place.is_dir():
            known = ", ".join(self._names()[:10]) or "none"
            raise _refuse(f"unknown document {document_id!r}; there is: {known}")
        return place

    def _names(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return sorted(
            path.name for path in self._root.iterdir() if _ID.fullmatch(path.name) and path.is_dir()
        )

    def _count(self) -> int:
        return len(self._names())

    def _check_limits(self, document_id: str, place: Path) -> None:
        sizes = [path.stat().st_size for path in _files(place)]
        most = self._settings.max_document_bytes
        if sum(sizes) > most:
            raise _refuse(
                f"document {document_id!r} would have {sum(sizes)} bytes, the limit is {most}; make it "
                "smaller, or raise plugins.entries.canvas.config.maxDocumentBytes"
            )
        if len(sizes) > _MOST_FILES:
            raise _refuse(
                f"document {document_id!r} would have {len(sizes)} files, the limit is {_MOST_FILES}"
            )


def _files(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):  # does not follow links
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _write(place: Path, path: str, content: bytes) -> None:
    target = place / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        target.write_bytes(content)
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        raise _refuse(f"path {path!r} is a file in one place and a directory in another") from None


def _refuse(text: str) -> InvalidRequestError:
    return InvalidRequestError(text)
