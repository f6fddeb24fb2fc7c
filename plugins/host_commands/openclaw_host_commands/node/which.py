"""Programs on PATH (PROTOCOL 18.8)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping

__all__ = ["clean_path", "find_all", "find_on_path"]


def clean_path(path: str) -> str:
    """PATH without empty and relative entries, which mean "wherever we happen to be"."""
    entries = (entry for entry in path.split(os.pathsep) if os.path.isabs(entry))
    return os.pathsep.join(dict.fromkeys(entries))


def find_on_path(name: str, env: Mapping[str, str] | None = None) -> str | None:
    """Absolute path of an executable by bare name; None for names with a slash, and when absent.

    Args:
        name: a file name without directory.
        env: where PATH is read; this process's environment by default.
    """
    if not name or name in {".", ".."} or "\0" in name or "/" in name or os.path.basename(name) != name:
        return None
    path = clean_path((os.environ if env is None else env).get("PATH") or os.defpath)
    return shutil.which(name, path=path) if path else None


def find_all(names: Iterable[str]) -> dict[str, str]:
    """Name → absolute path of those that were found."""
    found = {name: find_on_path(name) for name in names}
    return {name: path for name, path in found.items() if path is not None}
