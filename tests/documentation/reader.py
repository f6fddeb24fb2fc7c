"""A person who does what a page says, in one shell, other terminals, and a machine of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import json5

from docs.generators.families import own_families
from openclaw_core.config import load_settings
from openclaw_core.family_settings import FamilySettings
from tests.documentation.blocks import Block
from tests.documentation.expectation import matches, steps
from tests.documentation.proxy import Proxy
from tests.interop.process import Program, await_value, clean_env, free_port

__all__ = ["Reader"]

PORTS = ("18789", "8000")
"""Ports on the pages: the gateway's, and one of something else."""
WITHIN_S = 60
INTERRUPT = "^C\n"
REFUSAL = re.compile(r"(error|nodes [a-z0-9 ]+ failed): ")
KEPT = ("LD_LIBRARY_PATH",)


class Reader:
    """State and ports are this page's own, whichever the page says.

    A command may set variables for those after it with `export`, and change the directory.
    """

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self.place = place
        self.state = place / "state"
        self.state.mkdir(mode=0o700)
        self.ports = {port: str(free_port()) for port in PORTS}
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.variables = clean_env(
            self.state, {**kept, "OPENCLAW_GATEWAY_PORT": self.ports[PORTS[0]], "COLUMNS": "200"}
        )
        self.variables["PATH"] = f"{Path(sys.executable).parent}:/usr/sbin:{self.variables['PATH']}"
        self.variables["XDG_CONFIG_HOME"] = str(self.state / "xdg")
        self._stack = stack
        self._directory = place
        self._proxy: Proxy | None = None
        self._terminals: dict[str, Program] = {}
        stack.callback(self._end_what_runs_in_the_background)

    def _end_what_runs_in_the_background(self) -> None:
        for kind in ("node", "gateway"):
            if (self.state / "run" / f"{kind}.pid").exists():
                subprocess.run(
                    [sys.executable, "-m", "openclaw_core", kind, "stop"],
                    env=self.variables, timeout=WITHIN_S, check=False, capture_output=True,
                )  # fmt: skip

    def sit_down(self) -> None:
        """Before a screen: what is started from now on has an X server."""
        told = self.place / "display"
        argv = [_bash(), "-c", f"exec Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp 3> {told}"]
        self._stack.enter_context(Program(argv, self.variables, self.place / "xvfb.log"))
        number = await_value(
            lambda: told.exists() and told.read_text().strip(), "the X server is up", within_s=30
        )
        self.variables["DISPLAY"] = f":{number}"

    def do(self, block: Block) -> None:
        """Do one block, or fail with what differs."""
        getattr(self, f"_{block.kind}")(block)

    def _own(self, text: str) -> str:
        for port, own in self.ports.items():
            text = text.replace(port, own)
        return self._proxy.own(text) if self._proxy is not None else text

    def _json5(self, block: Block) -> None:
        text = self._own(block.text)
        (self.state / "openclaw.json").write_text(text)
        settings = load_settings(self.state)
        families = FamilySettings.load(settings.config_path)
        for family in own_families().values():
            families.of(family.name, family.config)
        unknown = json5.loads(text).get("plugins", {}).get("entries", {}).keys() - own_families().keys()
        assert unknown == set(), block.place

    def _json(self, block: Block) -> None:
        if block.title is not None:
            (self.state / block.title).write_text(block.text)
        decoder, rest = json.JSONDecoder(), block.text.strip()
        while rest:
            _, end = decoder.raw_decode(rest)
            rest = rest[end:].strip()

    def _python(self, block: Block) -> None:
        file = self._directory / (block.title or "snippet.py")
        file.write_text(self._own(block.text))
        command = f"{sys.executable} -m mypy --strict --cache-dir {self.place / 'mypy'} {file}"
        self._expect(block, command, "Success: no issues found in 1 source file")
        if block.title is None:
            self._expect(block, f"python {file.name}", "…")

    def _yaml(self, block: Block) -> None:
        import yaml

        assert yaml.safe_load(block.text), block.place

    def _sequence(self, block: Block) -> None:
        from docs.generators.sequence import fence

        assert fence(block.text).startswith("<svg"), block.place

    def _nginx(self, block: Block) -> None:
        self._proxy = Proxy(self.place / "nginx", self._own(block.text))
        self._stack.enter_context(self._proxy)
        self.variables["PROXY_FINGERPRINT"] = self._proxy.fingerprint

    def _console(self, block: Block) -> None:
        text = block.text.removeprefix(INTERRUPT)
        if text != block.text:
            assert block.title is not None, block.place
            self._terminals[block.title].stop()
        found = steps(text) if text else []
        for index, (command, expected) in enumerate(found, 1):
            if block.title is not None and index == len(found):
                self._stay(block, block.title, command, expected)
            else:
                self._expect(block, command, expected)

    def _expect(self, block: Block, command: str, expected: str) -> None:
        # The shell tells where it is and what it exports, for the next command; output comes first.
        mark = self.place / "after"
        told = f"trap 'pwd > {mark}; export -p > {mark}.env' EXIT\n. {mark}.env 2>/dev/null"
        script = f"{told}\n{self._own(command)}"
        done = subprocess.run(
            [_bash(), "-c", script], cwd=self._directory, env=self.variables, text=True, timeout=WITHIN_S * 2,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        self._directory = Path(mark.read_text().strip())
        fails = REFUSAL.match(expected) is not None or '"ok": false' in expected
        as_said = matches(self._own(expected), done.stdout) and (done.returncode != 0) is fails
        assert as_said, (
            f"{block.place}: $ {command}\n--- the page says ---\n{self._own(expected)}\n"
            f"--- it was (exit code {done.returncode}) ---\n{done.stdout}"
        )

    def _stay(self, block: Block, title: str, command: str, expected: str) -> None:
        """A program that runs until Ctrl-C or the end of the page; the block's output comes in time."""
        log = self.place / f"{title}-{block.line}.log".replace(" ", "-")
        argv = [
            _bash(),
            "-c",
            f"cd {self._directory}; . {self.place}/after.env 2>/dev/null; {self._own(command)}",
        ]
        terminal = self._stack.enter_context(Program(argv, self.variables, log))
        self._terminals[title] = terminal
        await_value(
            lambda: matches(f"…\n{self._own(expected)}\n…", terminal.output()),
            f"{block.place}: $ {command}\n{self._own(expected)}",
            within_s=WITHIN_S,
            evidence=terminal.tail,
        )


def _bash() -> str:
    found = shutil.which("bash")
    assert found is not None
    return found
