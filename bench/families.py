"""What families cost a gateway that serves them and runs none: `python -m bench.families`.

Makes a fresh environment with the gateway alone, then adds every family of this repository
without its node extra: install size, the time to load each, and the gateway's idle memory
before and after.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.process import resident_kib, start_server
from tests.interop.process import free_port

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
LIMIT_MS = 30.0
# CPU of loading one family in a process that has loaded the gateway, as a gateway does it.
_LOAD = """
import sys, time
import openclaw_core.gateway.server, openclaw_core.models  # the core's own, whoever asks for it first
from openclaw_core.discovery import discover, installed
from openclaw_core.plugins import Plugins
begun = time.process_time(); installed(); looking = time.process_time() - begun
begun = time.process_time()
plugins = Plugins(discover(lambda item: item.name == sys.argv[1]))
took = time.process_time() - begun - looking
assert plugins.loaded and not plugins.failed, plugins.failed
print(took * 1000)
"""


@dataclass(frozen=True, slots=True)
class State:
    """The environment at one moment: MiB of its packages, MiB resident of an idle gateway in it."""

    size_mib: float
    idle_mib: float


def main() -> int:
    """Measure and print; always 0: on a machine of unknown load a miss is no error."""
    families = sorted((ROOT / "plugins").glob("*/pyproject.toml"))
    with tempfile.TemporaryDirectory(prefix="openclaw-bench-") as folder:
        home = Path(folder)
        subprocess.run([sys.executable, "-m", "venv", str(home / "venv")], check=True)
        python = home / "venv" / "bin" / "python"
        _install(python, ROOT)
        alone = _look(python, home / "alone")
        _install(python, *(path.parent for path in families))
        together = _look(python, home / "together")
        loads = {name: _time_load(python, name) for name in map(_entry_point, families)}
    _print(alone, together, loads)
    return 0


def _install(python: Path, *projects: Path) -> None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), *map(str, projects)], check=True)


def _look(python: Path, state_dir: Path) -> State:
    packages = next((python.parents[1] / "lib").glob("python*/site-packages"))
    files = (path for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
    size = sum(path.stat().st_size for path in files)
    port = free_port()
    env = {**os.environ, "OPENCLAW_STATE_DIR": str(state_dir), "HOME": str(state_dir)}
    argv = [str(python), "-m", "openclaw_core", "gateway", "run", "--port", str(port)]
    server = start_server(argv, port, env, state_dir.with_suffix(".log"))
    try:
        return State(size / 2**20, resident_kib(server.pid) / 1024)
    finally:
        server.stop()


def _time_load(python: Path, name: str) -> float:
    runs = [
        subprocess.run([str(python), "-c", _LOAD, name], check=True, capture_output=True, text=True)
        for _ in range(RUNS)
    ]
    return median(float(run.stdout) for run in runs)


def _entry_point(project: Path) -> str:
    points = tomllib.loads(project.read_text())["project"]["entry-points"]["openclaw.capabilities"]
    (name,) = points
    return str(name)


def _print(alone: State, together: State, loads: dict[str, float]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 100)
    table = Table(title="A gateway without and with all families, no node extra", title_justify="left")
    for title in ("figure", "gateway alone", "with families", "more"):
        table.add_column(title, justify="left" if title == "figure" else "right")
    for label, before, after in (
        ("installed MiB", alone.size_mib, together.size_mib),
        ("idle MiB resident", alone.idle_mib, together.idle_mib),
    ):
        table.add_row(label, f"{before:.1f}", f"{after:.1f}", f"{after - before:.1f}")
    console.print(table)
    for name, took in loads.items():
        word = "holds" if took <= LIMIT_MS else "MISSED"
        console.print(f"{word}: loading {name} takes {took:.1f} ms of CPU (at most {LIMIT_MS:g} expected)")


if __name__ == "__main__":
    raise SystemExit(main())
