"""What a CLI printed, with ids, times and addresses replaced, so that two runs can be compared."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["comparable", "missing"]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
AGE = re.compile(r"just ?now|\d+[smhd] ?ago")
PORT = re.compile(r"(ws://127\.0\.0\.1):\d+")
EPOCH_MS = range(10**12, 10**13)


def plain(text: str) -> str:
    """Text with ids, ages and ports named and tables unwrapped."""
    unwrapped = "\n".join(unwrap(text.splitlines()))
    named_ids = UUID.sub("<uuid>", unwrapped)
    return PORT.sub(r"\1:<port>", AGE.sub("<age>", named_ids)).strip()


def unwrap(lines: list[str]) -> list[str]:
    """Box tables as one line per part, each column joined without blanks.

    The width of one cell ("just now" or "1m ago") moves every border and every line break of a
    wrapped table; what the columns say does not change.
    """
    out: list[str] = []
    part: list[list[str]] = []
    for line in lines:
        if line.startswith("│"):
            part.append(line.strip("│").split("│"))
            continue
        if part:
            columns = zip(*part, strict=True)
            out.append(" │ ".join("".join("".join(cells).split()) for cells in columns))
            part = []
        if not line.startswith(("┌", "├", "└")):
            out.append(line.rstrip())
    return out


def comparable(text: str) -> Any:
    """JSON output as a value without times and ids, any other output as normalised text."""
    try:
        value = json.loads(text)
    except ValueError:
        return plain(text)
    return named(value)


def named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: named(part) for key, part in value.items()}
    if isinstance(value, list):
        return [named(part) for part in value]
    if isinstance(value, int) and value in EPOCH_MS:
        return "<ms>"
    return plain(value) if isinstance(value, str) else value


def missing(wanted: Any, got: Any, where: str = "") -> list[str]:
    """Where `got` lacks or contradicts `wanted`; keys that only `got` has are allowed (supersets)."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        absent = [f"{where}/{key} absent" for key in wanted if key not in got]
        shared = [key for key in wanted if key in got]
        return absent + [
            fault for key in shared for fault in missing(wanted[key], got[key], f"{where}/{key}")
        ]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = enumerate(zip(wanted, got, strict=True))
        return [fault for at, (one, other) in pairs for fault in missing(one, other, f"{where}/{at}")]
    return [] if wanted == got else [f"{where or '/'}: {got!r} instead of {wanted!r}"]
