"""The load generator, a process of its own on its own core; prints one JSON object.

`python -m bench.load invoke --port 18789 --token T --server-pid 4711 --in-flight 16`
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Mapping

import orjson
import uvloop

from bench.handshake_load import measure_handshakes
from bench.idle_load import measure_idle
from bench.invoke_load import measure_invokes
from bench.process import LOAD_CORE, pin
from bench.session import Target

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one scenario and print its figures."""
    options = _parse(arguments)
    pin(LOAD_CORE)
    gc.freeze()
    figures = uvloop.run(_measure(options))
    sys.stdout.buffer.write(orjson.dumps(figures) + b"\n")
    return 0


async def _measure(options: argparse.Namespace) -> Mapping[str, object]:
    target = Target(options.port, options.token)
    if options.scenario == "invoke":
        return await measure_invokes(
            target, options.nodes, options.in_flight, options.seconds, options.server_pid
        )
    if options.scenario == "handshake":
        return await measure_handshakes(target, options.seconds, options.server_pid)
    counts = [int(text) for text in options.counts.split(",")]
    return await measure_idle(target, counts, options.server_pid, options.limit)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    parser.add_argument("scenario", choices=["invoke", "handshake", "idle"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--server-pid", type=int, required=True)
    parser.add_argument("--nodes", type=int, default=32)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--counts", default="500,5000", help="ascending node counts")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per count")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
