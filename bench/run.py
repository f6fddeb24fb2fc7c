"""Run the whole comparison: `python -m bench.run [--quick] [--peers ours,real,sansio,asyncio]`.

Server on core 0, load generator on core 1, one peer at a time, rounds interleaved over the
peers. Prints a table with ratios and writes everything to bench/results/ as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import PeerFigures
from bench.peers import PEERS, Peer, RunningPeer
from bench.process import raise_file_limit, resident_kib
from bench.report import print_report, write_results

__all__ = ["main", "run_load", "serving"]

DEPTHS = [1, 16, 128]
LOAD_TIMEOUT_S = 400.0
MAX_FILES = 12_000
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often to measure."""

    rounds: int
    seconds: float
    idle_counts: str
    idle_limit_s: float


QUICK = Plan(rounds=1, seconds=1.0, idle_counts="500", idle_limit_s=60.0)
FULL = Plan(rounds=3, seconds=4.0, idle_counts="500,5000", idle_limit_s=120.0)


def main(arguments: list[str] | None = None) -> int:
    """Measure every chosen peer; 1 when an expectation on ours is missed, else 0."""
    options = _parse(arguments)
    names = options.peers.split(",")
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        print(f"unknown peer {', '.join(unknown)}; choose from {', '.join(PEERS)}", file=sys.stderr)
        return 2
    plan = QUICK if options.quick else FULL
    raise_file_limit(MAX_FILES)
    figures = {name: PeerFigures(PEERS[name].title) for name in PEERS if name in names}
    with tempfile.TemporaryDirectory(prefix="openclaw-bench-") as folder:
        for number in range(plan.rounds):
            for name, gathered in figures.items():
                _say(f"round {number + 1}/{plan.rounds}: {PEERS[name].title}")
                _measure_rates(PEERS[name], gathered, plan, _state_dir(folder, name))
        for name, gathered in figures.items():
            _say(f"idle memory: {PEERS[name].title}")
            _measure_idle(PEERS[name], gathered, plan, _state_dir(folder, f"{name}-idle"))
    print_report(figures, DEPTHS)
    settings = {"quick": options.quick, "nodes": 32, "rounds": plan.rounds, "seconds": plan.seconds}
    written = write_results(figures, DEPTHS, settings, RESULTS)
    print(f"written: {written.relative_to(RESULTS.parents[1])}")
    # A missed expectation is in the report; on a machine of unknown load it is no error.
    return 0


def _measure_rates(peer: Peer, gathered: PeerFigures, plan: Plan, state_dir: Path) -> None:
    if code_load_s := peer.time_code_load(state_dir):
        gathered.code_load_s.append(code_load_s)
    with serving(peer, state_dir) as running:
        gathered.start_s.append(running.server.start_s)
        gathered.ready_s.append(running.ready_s)
        gathered.rss_after_start_kib.append(resident_kib(running.server.pid))
        seconds = ["--seconds", str(plan.seconds)]
        for depth in DEPTHS:
            run = run_load(running, gathered, "invoke", [*seconds, "--in-flight", str(depth)])
            if run:
                gathered.invokes.setdefault(depth, []).append(run)
                _note_refusals(gathered, run)
        if run := run_load(running, gathered, "handshake", seconds):
            gathered.handshakes.append(run)


def _measure_idle(peer: Peer, gathered: PeerFigures, plan: Plan, state_dir: Path) -> None:
    with serving(peer, state_dir) as running:
        arguments = ["--counts", plan.idle_counts, "--limit", str(plan.idle_limit_s)]
        gathered.idle = run_load(running, gathered, "idle", arguments) or {}
    for count, figure in gathered.idle.items():
        if isinstance(figure, dict) and "not_measured" in figure:
            gathered.failures.append(f"{count} idle nodes not measured: {figure['not_measured']}")


@contextmanager
def serving(peer: Peer, state_dir: Path) -> Iterator[RunningPeer]:
    """The peer, started; stopped at the end."""
    running = peer.start(state_dir)
    try:
        yield running
    finally:
        running.server.stop()


def run_load(
    running: RunningPeer, gathered: PeerFigures, scenario: str, arguments: list[str]
) -> dict[str, Any] | None:
    """One run of the load generator; a failed one is noted and leaves a hole in the table."""
    command = [sys.executable, "-m", "bench.load", scenario, *arguments]
    command += ["--port", str(running.port), "--token", running.token]
    command += ["--server-pid", str(running.server.pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        gathered.failures.append(f"{scenario} {arguments}: not done after {LOAD_TIMEOUT_S:.0f} s")
        return None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        gathered.failures.append(f"{scenario} {arguments}: {last[0]}")
        return None
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _note_refusals(gathered: PeerFigures, run: dict[str, Any]) -> None:
    if run["refused"]:
        gathered.failures.append(
            f"refused invokes at {run['in_flight']} in flight, the first: {run['first_refusal']}"
        )


def _state_dir(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir(exist_ok=True)
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, 500 idle nodes only")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma separated")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
