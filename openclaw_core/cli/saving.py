"""Where a file goes that was fetched from a node: `--out`, never over another without `--force`."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import typer

from openclaw_core.cli.failure import CliError

__all__ = ["STDOUT", "check_out", "media_content", "next_out", "save_content"]

STDOUT = "-"
# Formats are named by devices: what becomes a file name is letters and digits.
_MAX_EXTENSION_CHARS = 8
_SAME = {"jpeg": "jpg"}


def check_out(out: str | None, *, force: bool, as_json: bool) -> None:
    """Refuse at once what cannot be written, before anything is asked of a node.

    Raises:
        CliError: the file exists, or its directory does not.
        typer.BadParameter: stdout is asked for twice.
    """
    if out is None:
        return
    if out == STDOUT:
        if as_json:
            raise typer.BadParameter(
                "- and --json both write to standard output; name a file", param_hint="'--out'"
            )
        return
    path = Path(out).expanduser()
    if _is_directory(out):
        _require_directory(path)
        return
    _require_directory(path.parent)
    if path.suffix:
        _require_free(path, force)


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
    try:
        if out is None:
            handle, made = tempfile.mkstemp(prefix=f"openclaw-{name}-", suffix=f".{extension}")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return made
        return str(_write_named(content, out, name, extension, force=force))
    except OSError as error:
        raise CliError(
            f"cannot write {error.filename or out}: {error.strerror}",
            code="CANNOT_WRITE",
            steps=("choose another place: --out FILE",),
        ) from None


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


def _write_named(content: bytes, out: str, name: str, extension: str, *, force: bool) -> Path:
    path = Path(out).expanduser()
    if _is_directory(out):
        return _write_new(content, path, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}", extension)
    if not path.suffix:
        path = path.with_name(f"{path.name}.{extension}")
    _require_free(path, force)
    if not path.is_file() or path.is_symlink():  # new; or, by force, a device or somewhere else's file
        with path.open("wb" if path.exists() else "xb") as file:
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


def _require_directory(path: Path) -> None:
    if not path.is_dir():
        raise CliError(
            f"there is no directory {path}",
            code="NO_DIRECTORY",
            details={"path": str(path)},
            steps=(f"make it first: mkdir -p '{path}'",),
        )


def _require_free(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise CliError(
            f"{path} exists",
            code="FILE_EXISTS",
            details={"path": str(path)},
            steps=("take another name, or replace it: the same command with --force",),
        )


def _clean_extension(text: str) -> str:
    plain = "".join(char for char in text.lower() if char.isascii() and char.isalnum())
    plain = plain[:_MAX_EXTENSION_CHARS] or "bin"
    return _SAME.get(plain, plain)
