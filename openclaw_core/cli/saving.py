"""Where a file goes that was fetched from a node: `--out`, never over another without `--force`."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from openclaw_core.cli.failure import CliError

__all__ = ["STDOUT", "check_out", "media_content", "next_out", "save_content"]

STDOUT = "-"
# Formats are named by devices: what becomes a file name is letters and digits.
_MAX_EXTENSION_CHARS = 8
_SAME = {"jpeg": "jpg"}


def check_out(
    out: str | None, *, force: bool, as_json: bool, extensions: Sequence[str], files: int = 1
) -> None:
    """Refuse at once what cannot be written, before anything is asked of a node.

    Args:
        extensions: what a file can get that `out` does not name to the end.
        files: how many will be saved.

    Raises:
        CliError: a file exists; its directory does not, or takes none; stdout cannot hold them all.
        typer.BadParameter: stdout is asked for twice.
    """
    if out == STDOUT:
        if as_json:
            raise typer.BadParameter(
                "- and --json both write to standard output; name a file", param_hint="'--out'"
            )
        next_out(out, files - 1)
        return
    with _unwritable(out):
        if out is None or _is_directory(out):
            _require_room(Path(tempfile.gettempdir() if out is None else out).expanduser())
            return
        _require_room(Path(out).expanduser().parent)
        for number in range(files):
            path = Path(str(next_out(out, number))).expanduser()
            named = [path] if path.suffix else [path.with_name(f"{path.name}.{item}") for item in extensions]
            for item in named:
                _require_free(item, force)


def save_content(content: bytes, out: str | None, name: str, extension: str, *, force: bool) -> str:
    """Write the file; its path, or `-` for stdout.

    Args:
        out: as typed; None makes a new file in the directory for temporary ones, only for this user.
        name, extension: of a file that `out` does not name to the end.

    Raises:
        CliError: it cannot be written; nothing was replaced.
    """
    extension = _clean_extension(extension)
    if out == STDOUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return STDOUT
    with _unwritable(out):
        if out is None:
            handle, made = tempfile.mkstemp(prefix=f"openclaw-{name}-", suffix=f".{extension}")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return made
        return str(_write_named(content, out, name, extension, force=force))


def next_out(out: str | None, saved: int) -> str | None:
    """Where the next file of one command goes, after `saved` others: a named file gets a number.

    Raises:
        CliError: stdout holds one file.
    """
    if out is None or saved == 0 or _is_directory(out):
        return out
    if out == STDOUT:
        raise CliError(
            "this fetches more than one file, and standard output holds one",
            code="MORE_THAN_ONE_FILE",
            steps=("name a directory: --out DIRECTORY",),
        )
    path = Path(out)
    return str(path.with_name(f"{path.stem}-{saved + 1}{path.suffix}"))


def media_content(payload: Any) -> tuple[bytes, str]:
    """Content and format of a result `{format, base64}`.

    Raises:
        CliError: it holds no such thing.
    """
    fields = payload if isinstance(payload, dict) else {}
    text, kind = fields.get("base64"), fields.get("format")
    if isinstance(text, str) and text:
        try:
            return base64.b64decode(text, validate=True), str(kind or "bin")
        except (binascii.Error, ValueError):
            raise CliError("the node sent base64 that is none", code="BAD_RESULT", steps=_SEE_IT) from None
    if isinstance(fields.get("url"), str):
        raise CliError(
            f"the node answered with an address instead of the content: {fields['url']}",
            code="RESULT_IS_A_URL",
            steps=("fetch it where the node can be reached: curl -O URL",),
        )
    raise CliError("the node sent nothing to save", code="BAD_RESULT", steps=_SEE_IT)


_SEE_IT = ("see what it answers: openclaw nodes invoke --node NODE --command COMMAND",)


@contextmanager
def _unwritable(out: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(
            f"cannot write {error.filename or out or 'a temporary file'}: {error.strerror or error}",
            code="CANNOT_WRITE",
            steps=("choose another place: --out FILE",),
        ) from None


def _write_named(content: bytes, out: str, name: str, extension: str, *, force: bool) -> Path:
    path = Path(out).expanduser()
    if _is_directory(out):
        return _write_new(content, path, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}", extension)
    if not path.suffix:
        path = path.with_name(f"{path.name}.{extension}")
    _require_free(path, force)
    if not _is_replaced(path):
        with path.open("wb" if force else "xb") as file:
            file.write(content)
        return path
    # Beside it first: what is replaced is whole until the new one is.
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        shutil.copymode(path, made)
        Path(made).replace(path)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise
    return path


def _write_new(content: bytes, directory: Path, stem: str, extension: str) -> Path:
    number = 1
    while True:
        path = directory / f"{stem}{f'-{number}' if number > 1 else ''}.{extension}"
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            number += 1
            continue
        return path


def _is_directory(out: str) -> bool:
    return out.endswith(("/", os.sep)) or Path(out).expanduser().is_dir()


def _require_room(directory: Path) -> None:
    if not directory.is_dir():
        is_there = directory.exists()
        raise CliError(
            f"{directory} is no directory" if is_there else f"there is no directory {directory}",
            code="NO_DIRECTORY",
            details={"path": str(directory)},
            steps=(
                "choose another place: --out FILE"
                if is_there
                else f"make it first: mkdir -p {shlex.quote(str(directory))}",
            ),
        )
    try:
        # Rights, quotas and read-only file systems are known to the system alone.
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        error.filename = str(directory)  # not that of a file nobody has heard of
        raise


def _require_free(path: Path, force: bool) -> None:
    if not os.path.lexists(path):
        return
    if force and path.exists() and not _is_replaced(path) and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if not force:
        raise CliError(
            f"{path} exists",
            code="FILE_EXISTS",
            details={"path": str(path)},
            steps=("take another name, or replace it: the same command with --force",),
        )


def _is_replaced(path: Path) -> bool:
    """False for what is new, and for what is written into: a device, or a file that lies elsewhere."""
    return path.is_file() and not path.is_symlink()


def _clean_extension(text: str) -> str:
    plain = "".join(char for char in text.lower() if char.isascii() and char.isalnum())
    plain = plain[:_MAX_EXTENSION_CHARS] or "bin"
    return _SAME.get(plain, plain)
