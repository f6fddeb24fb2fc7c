"""Directories of the state, which are their owner's alone."""

from __future__ import annotations

from pathlib import Path

__all__ = ["make_private_directory"]


def make_private_directory(path: Path) -> None:
    """Make a directory 0700, and each that is missing above it; one that is there stays as it is.

    Raises:
        OSError: it cannot be made, or a file is in its place.
    """
    # `mkdir(parents=True)` gives its mode to the last one only: the state directory itself would be open.
    for each in reversed([path, *path.parents]):
        each.mkdir(mode=0o700, exist_ok=True)
