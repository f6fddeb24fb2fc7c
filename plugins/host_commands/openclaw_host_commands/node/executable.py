"""Which file an argument vector starts, as found and as it really is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from openclaw_host_commands.node.which import find_on_path

__all__ = ["Executable", "find_executable", "resolve_parent"]


@dataclass(frozen=True, slots=True)
class Executable:
    """A program on disk.

    Attributes:
        path: absolute, its directory free of symlinks; the last part may be one.
        real: `path` with every symlink followed.
        by_name: PATH leads to `path` when asked for its file name.
    """

    path: str
    real: str
    by_name: bool

    @property
    def name(self) -> str:
        """The file name it is started under."""
        return os.path.basename(self.path)


def resolve_parent(path: str) -> str:
    """`path` with symlinks followed in its directory only: the name a program sees stays."""
    directory, name = os.path.split(path)
    return os.path.join(os.path.realpath(directory), name)


def find_executable(word: str, cwd: str, env: Mapping[str, str]) -> Executable | None:
    """What `word`, the first of an argument vector, starts; None when there is no such program.

    Args:
        word: a bare name is looked up on PATH only, never in `cwd`; with a slash it is a path.
        cwd: absolute directory for relative paths.
        env: the run's environment; its PATH counts.
    """
    if "/" in word or os.path.basename(word) != word:
        found: str | None = os.path.join(cwd, os.path.expanduser(word))
    else:
        found = find_on_path(word, env)
    if found is None or "\0" in found or not os.path.isfile(found) or not os.access(found, os.X_OK):
        return None
    path = resolve_parent(os.path.abspath(found))
    named = find_on_path(os.path.basename(path), env)
    by_name = named is not None and resolve_parent(named) == path
    return Executable(path, os.path.realpath(path), by_name)
