"""Which capability packages are installed, and their import; stevedore loads, isolated from each other."""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import site
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stevedore import ExtensionManager

from openclaw_core.errors import PluginError
from openclaw_core.hookspecs import ENTRY_POINT_GROUP

__all__ = [
    "Candidate",
    "Installed",
    "discover",
    "environment_stamp",
    "forget_modules",
    "import_fault",
    "installed",
    "learn_new_paths",
]


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry point of the group.

    Attributes:
        stamp: changes when the package is installed anew, also in the same version.
    """

    name: str
    distribution: str
    version: str
    stamp: str
    entry_point: EntryPoint


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin object that was found, or the exception its import raised.

    Attributes:
        stamp: of the installation it came from; empty for objects made in a program.
        package: import name of its top-level package; empty likewise.
    """

    name: str
    distribution: str
    version: str
    plugin: Any = None
    error: BaseException | None = None
    stamp: str = ""
    package: str = ""


class _Finder(ExtensionManager[Any]):
    """stevedore's loading and isolation over entry points that are given.

    stevedore's own list comes from a cache on disk that tells two states of an environment
    apart by modification times rounded to minutes, and that forgets which distribution an
    entry point is from. A family must show as soon as pip is done, and its cure names the
    package.
    """

    def __init__(self, wanted: Iterable[EntryPoint], on_failure: Callable[..., None]) -> None:
        self._wanted = list(wanted)
        super().__init__(ENTRY_POINT_GROUP, on_load_failure_callback=on_failure)

    def list_entry_points(self) -> list[EntryPoint]:
        """Those that were given."""
        return self._wanted

    def _load_one_plugin(self, ep: EntryPoint, *options: Any, **more: Any) -> Any:
        try:
            return super()._load_one_plugin(ep, *options, **more)
        except (AssertionError, SystemExit) as error:
            # stevedore lets these through, and they would take the gateway down.
            raise import_fault(_dist_name(ep), error) from error


def installed() -> list[Installed]:
    """Every entry point of the group as the environment is now; nothing is imported.

    Also finds what pip installed after this process began.
    """
    importlib.invalidate_caches()
    return [
        Installed(
            item.name,
            _dist_name(item),
            item.dist.version if item.dist else "unknown",
            _stamp(item),
            item,
        )
        for item in entry_points(group=ENTRY_POINT_GROUP)
    ]


def discover(wanted: Callable[[Installed], bool] = lambda _: True) -> list[Candidate]:
    """The wanted ones, imported; a broken import keeps its error."""
    found: list[Candidate] = []
    by_entry = {item.entry_point: item for item in installed() if wanted(item)}

    def on_failure(_manager: Any, entry_point: EntryPoint, error: BaseException) -> None:
        found.append(_candidate(by_entry[entry_point], error=error))

    with _without_collector():
        manager = _Finder(by_entry, on_failure)
    found.extend(_candidate(by_entry[item.entry_point], plugin=item.plugin) for item in manager)
    return found


@contextmanager
def _without_collector() -> Iterator[None]:
    """Imports make much and drop nothing: the collector's walks would double what a family costs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def forget_modules(package: str) -> None:
    """Let the next import of a package read its files anew."""
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def environment_stamp() -> tuple[int, ...]:
    """Changes when pip installs or removes something; cheap enough to ask every few seconds."""
    found = []
    for directory in sys.path:
        with suppress(OSError):
            found.append(os.stat(directory or ".").st_mtime_ns)
    return tuple(found)


def learn_new_paths() -> None:
    """Take in what pip put on the path of this environment while the process ran (editable installs)."""
    for directory in site.getsitepackages():
        site.addsitedir(directory)


def import_fault(distribution: str, error: BaseException) -> PluginError:
    """The sentence for an import that failed."""
    if isinstance(error, PluginError):  # raised by a declaration such as `@command`, with its own cure
        return error
    return PluginError(
        f"its import failed with {type(error).__name__}: {error}",
        f"reinstall it: pip install --force-reinstall {distribution}",
    )


def _candidate(item: Installed, *, plugin: Any = None, error: BaseException | None = None) -> Candidate:
    package = item.entry_point.module.partition(".")[0]
    return Candidate(item.name, item.distribution, item.version, plugin, error, item.stamp, package)


def _stamp(entry_point: EntryPoint) -> str:
    if entry_point.dist is None:
        return entry_point.value
    texts = [entry_point.dist.read_text(name) or "" for name in ("RECORD", "METADATA")]
    return hashlib.sha256("\0".join((entry_point.value, *texts)).encode()).hexdigest()


def _dist_name(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else entry_point.value
