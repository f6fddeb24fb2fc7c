"""A PostgreSQL server of the tests' own: made in a temporary directory, gone with them.

It listens on one Unix socket in a directory that only its owner may enter; whoever gets there
is trusted, and nothing listens on the network.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

__all__ = ["PASSWORD", "Cluster", "programs"]

USER = "openclaw"
PASSWORD = "store-secret-0123456789"
"""Of every URL; trusted connections ignore it, and it must show nowhere."""

_STEP_SECONDS = 60
# Not the C locale's order of texts: nothing of ours may depend on it.
_INITDB = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")


def programs() -> Path:
    """Where the newest installed server's programs are.

    Raises:
        RuntimeError: there are none; the text says how to get them.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise RuntimeError("PostgreSQL's server programs are missing: apt-get install postgresql")
    return found[-1].parent if found else Path(str(on_path)).parent


def _unprivileged() -> dict[str, Any]:
    """Popen's options for the server, which refuses to run as root; Debian's package brings its user."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


class Cluster:
    """A running server.

    Attributes:
        directory: of its data and its socket.
        version: as the server says it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._bin = programs()
        self._numbers = count(1)
        self._run("initdb", f"--pgdata={directory / 'data'}", f"--username={USER}", "--auth=trust", *_INITDB)
        self.version = self._run("postgres", "--version").strip()

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[Cluster]:
        """Make one, start it, and leave nothing behind."""
        directory = Path(tempfile.mkdtemp(prefix="openclaw-postgres-"))
        try:
            if account := _unprivileged():
                os.chown(directory, account["user"], account["group"])
            cluster = cls(directory)
            cluster.start()
            try:
                yield cluster
            finally:
                cluster.stop()
        finally:
            shutil.rmtree(directory)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.directory}"
        self._control("start", "--wait", f"--log={self.directory / 'log'}", f"--options={options}")

    def is_running(self) -> bool:
        """True from `start` to `stop`, whoever called them."""
        return (self.directory / "data" / "postmaster.pid").exists()

    def stop(self, mode: str = "immediate") -> None:
        """End the server; every connection breaks. `immediate` is what a crash leaves behind."""
        self._control("stop", "--wait", f"--mode={mode}")

    def url(self, database: str = "postgres") -> str:
        """As `gateway.store.url` takes it."""
        return f"postgresql://{USER}:{PASSWORD}@/{database}?host={self.directory}"

    def new_database(self) -> str:
        """The URL of an empty database; the one before is dropped, so that a restart stays quick."""
        number = next(self._numbers)
        self.psql(f"DROP DATABASE IF EXISTS store_{number - 1} WITH (FORCE)")
        self.psql(f"CREATE DATABASE store_{number}")
        return self.url(f"store_{number}")

    def psql(self, statement: str, database: str = "postgres") -> str:
        """What the server's own shell says to a statement: no driver of ours in between."""
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", f"--host={self.directory}")
        return self._run("psql", *options, f"--username={USER}", f"--command={statement}", database).strip()

    def break_connections(self, url: str) -> None:
        """End every session of a database, as an administrator may; the server goes on."""
        name = url.partition("?")[0].rpartition("/")[2]
        self.psql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")

    def _control(self, action: str, *options: str) -> None:
        self._run("pg_ctl", action, f"--pgdata={self.directory / 'data'}", "--silent", *options)

    def _run(self, program: str, *arguments: str) -> str:
        # The server keeps what it inherits open: a pipe would never end.
        with tempfile.TemporaryFile("w+") as said:
            run: Callable[..., Any] = partial(subprocess.run, stdin=subprocess.DEVNULL, stdout=said)
            done = run(
                [str(self._bin / program), *arguments],
                stderr=subprocess.STDOUT,
                timeout=_STEP_SECONDS,
                check=False,
                cwd=self.directory,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                **_unprivileged(),
            )
            said.seek(0)
            text: str = said.read()
        if done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(arguments)} failed ({done.returncode}): {text}")
        return text
