"""A Python environment as an author's: openclaw-core, pip and the tools, and no family yet."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interop.process import clean_env, free_port

__all__ = ["Environment"]

_SCRIPTS = {"openclaw": "openclaw_core", "pip": "pip", "pytest": "pytest"}


class Environment:
    """A virtual environment of its own that needs no network.

    What the environment of the tests has is linked into it, families apart; so pip finds
    every dependency there, and what it installs is here alone.

    Attributes:
        variables: of a person who activated it; the gateway's port is a free one.
    """

    def __init__(self, place: Path) -> None:
        root = place / "venv"
        venv.create(root, symlinks=True, with_pip=False)
        self.python = root / "bin" / "python"
        (site,) = root.glob("lib/python*/site-packages")
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not _is_family(entry.name):
                (site / entry.name).symlink_to(entry)
        for script, module in _SCRIPTS.items():
            file = root / "bin" / script
            file.write_text(f'#!/bin/sh\nexec "{self.python}" -m {module} "$@"\n')
            file.chmod(0o755)
        state = place / "state"
        state.mkdir()
        self.variables = clean_env(state, _offline_pip(state))
        self.variables["PATH"] = f"{root / 'bin'}:{self.variables['PATH']}"

    def run(self, *argv: str | Path, code: int = 0) -> str:
        """Run a program to its end; its stdout. Any other exit code than this fails the test."""
        done = subprocess.run(
            _found(argv, self.variables), env=self.variables, capture_output=True, text=True,
            timeout=100, check=False, cwd=self.variables["HOME"],
        )  # fmt: skip
        assert done.returncode == code, (argv, done.stdout, done.stderr)
        return done.stdout


def _found(argv: Sequence[str | Path], variables: Mapping[str, str]) -> list[str]:
    program = shutil.which(argv[0], path=variables["PATH"])
    assert program is not None, argv[0]
    return [program, *map(str, argv[1:])]


def _offline_pip(state: Path) -> dict[str, str]:
    return {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        # pip reads this one as the value of `build_isolation`; hatchling is here.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "OPENCLAW_GATEWAY_PORT": str(free_port()),
        "XDG_CONFIG_HOME": str(state / "xdg"),
    }


def _is_family(name: str) -> bool:
    """Is this file of an installed openclaw package other than the core?"""
    plain = name.removeprefix("_editable_impl_")
    return plain.startswith("openclaw_") and not plain.startswith("openclaw_core")
