"""Real processes: output, limits, and that nothing survives."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from openclaw_host_commands.models import RunResult
from openclaw_host_commands.node import process
from openclaw_host_commands.node.process import OUTPUT_CHARS, TRUNCATED, execute

SH = "/bin/sh"
STUBBORN = """trap "" TERM; echo $$ > "$0"; while :; do read -r line < "$1"; done"""
"""A grandchild that ignores SIGTERM and blocks on a FIFO for ever."""


async def shell(text: str, *, timeout_ms: int | None = 20_000, cwd: str = "/", **env: str) -> RunResult:
    return await execute(["sh", "-c", text], SH, cwd, {"PATH": os.defpath, **env}, timeout_ms)


def is_gone(pid: int) -> bool:
    """No such process, or only its zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def family_tree(tmp_path: Path) -> tuple[str, Path, Path]:
    """A command line with an orphan in its own session; FIFOs for its pid and to block it."""
    report, block = tmp_path / "report", tmp_path / "block"
    os.mkfifo(report)
    os.mkfifo(block)
    orphan = f"(setsid {SH} -c '{STUBBORN}' {report} {block} &)"
    return f"{orphan}; read -r never < {block}", report, block


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_output_and_exit_code(loop: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        result = runner.run(shell("echo out; echo err >&2; exit 3"))
    assert result == RunResult(
        exit_code=3, timed_out=False, success=False, stdout="out\n", stderr="err\n", error=None
    )


def test_success_has_the_shape_of_the_wire(run: Any) -> None:
    assert run(shell("echo hi")).model_dump(mode="json") == {
        "exitCode": 0,
        "timedOut": False,
        "success": True,
        "stdout": "hi\n",
        "stderr": "",
        "error": None,
    }


def test_input_is_closed(run: Any) -> None:
    assert run(shell("cat; echo end")).stdout == "end\n"


def test_timeout_kills_an_orphan_in_another_session(run: Any, family_tree: tuple[str, Path, Path]) -> None:
    line, report, _ = family_tree

    async def scene() -> tuple[RunResult, int]:
        reading = asyncio.create_task(asyncio.to_thread(report.read_text))
        result = await shell(line, timeout_ms=2_000)
        return result, int(await reading)

    result, orphan = run(scene())
    assert (result.exit_code, result.timed_out, result.success) == (124, True, False)
    assert is_gone(orphan)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_cancel_kills_the_whole_tree(loop: Callable[[], Any], family_tree: tuple[str, Path, Path]) -> None:
    line, report, _ = family_tree

    async def scene() -> int:
        running = asyncio.create_task(shell(line, timeout_ms=None))
        orphan = int(await asyncio.to_thread(report.read_text))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return orphan

    with asyncio.Runner(loop_factory=loop) as runner:
        assert is_gone(runner.run(scene()))


def test_a_cancel_while_the_program_starts_spares_nobody(
    run: Any, family_tree: tuple[str, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, report, _ = family_tree
    orphans: list[int] = []
    start = process._start

    async def start_slowly(*arguments: Any) -> Any:
        transport = await start(*arguments)
        orphans.append(int(await asyncio.to_thread(report.read_text)))  # the tree is there by now
        begun.set()
        await asyncio.sleep(0)
        return transport

    async def scene() -> None:
        running = asyncio.create_task(shell(line, timeout_ms=None))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    begun = asyncio.Event()
    monkeypatch.setattr(process, "_start", start_slowly)
    run(scene())
    assert is_gone(orphans[0])


def test_a_second_cancel_does_not_spare_the_tree(run: Any, family_tree: tuple[str, Path, Path]) -> None:
    line, report, _ = family_tree

    async def scene() -> int:
        running = asyncio.create_task(shell(line, timeout_ms=None))
        orphan = int(await asyncio.to_thread(report.read_text))
        running.cancel()
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return orphan

    assert is_gone(run(scene()))


def test_five_megabytes_are_drained_and_capped(run: Any) -> None:
    result = run(shell("head -c 5000000 /dev/zero | tr '\\0' x; echo done >&2"))
    assert result.success
    assert len(result.stdout) + len(result.stderr) <= OUTPUT_CHARS
    assert result.stdout.startswith("x" * 190_000)
    assert result.stdout.endswith(TRUNCATED)
    assert result.stderr == "done\n"


def test_both_streams_share_the_cap(run: Any) -> None:
    flood = "head -c 1000000 /dev/zero | tr '\\0' x"
    result = run(shell(f"{flood}; {flood} >&2"))
    assert len(result.stdout) + len(result.stderr) == OUTPUT_CHARS
    assert len(result.stderr) >= OUTPUT_CHARS // 4


def test_output_that_just_fits_is_not_marked(run: Any) -> None:
    result = run(shell(f"head -c {OUTPUT_CHARS} /dev/zero | tr '\\0' x"))
    assert result.stdout == "x" * OUTPUT_CHARS


def test_a_character_cut_between_reads_stays_whole(run: Any) -> None:
    code = "import os,sys\nfor b in '€'.encode():\n os.write(1, bytes([b]))"
    result = run(execute([sys.executable, "-c", code], sys.executable, "/", {}, 20_000))
    assert result.stdout == "€"


def test_a_signal_leaves_no_exit_code(run: Any) -> None:
    wire = run(shell("kill -9 $$")).model_dump(mode="json")
    assert "exitCode" not in wire
    assert wire["success"] is False
    assert wire["error"] == "ended by signal SIGKILL"


def test_a_file_that_is_no_program_says_so(run: Any, script: Any) -> None:
    path = str(script("broken", "\x00\x01"))
    wire = run(execute([path], path, "/", {}, 20_000)).model_dump(mode="json")
    assert "exitCode" not in wire
    assert wire["error"] == f"{path} did not start in /: Exec format error"


def test_a_service_left_behind_does_not_hold_the_answer(run: Any, tmp_path: Path) -> None:
    block = tmp_path / "block"
    os.mkfifo(block)
    result = run(shell(f"(read -r never < {block}) & echo started"))
    assert result.stdout == "started\n"
    assert result.success
    block.write_text("end\n")  # lets the service go
