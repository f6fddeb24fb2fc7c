"""`GET /metrics` for Prometheus: reads at the scrape what the gateway counts anyway.

Nothing here runs between scrapes. Labels are bounded: commands are those of loaded families
or `other`, outcomes are at most 65.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from openclaw_core.gateway.secret_door import SecretDoor
from openclaw_core.services.tally import BUCKETS_MS, OTHER

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["GatewayCollector", "Metrics"]


_FOR_WHOM = (
    "metrics are for programs on the gateway's own host, or with its shared secret: "
    "send Authorization: Bearer SECRET"
)


class Metrics:
    """The endpoint of one gateway.

    Open to programs of this host; everyone else, and every browser page, gives the shared
    secret as `Authorization: Bearer …`.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._door = SecretDoor(gateway, "/metrics", "METRICS", _FOR_WHOM, open_to_local=True)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(GatewayCollector(gateway))
        ProcessCollector(registry=self._registry)

    async def answer(self, request: Request) -> Response:
        """The text format, or the refusal."""
        refusal = await self._door.refuse(request)
        if refusal is not None:
            return refusal
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class GatewayCollector(Collector):
    """Turns the gateway's plain counters into metric families, at each scrape anew."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        yield from self._connections()
        yield from self._invokes()
        yield from self._state()
        pulse = self._gateway.pulse
        yield _gauge("openclaw_event_loop_lag_seconds", "How late the last timer of the loop was.", pulse.lag)
        yield _gauge("openclaw_event_loop_lag_max_seconds", "The worst of a minute.", pulse.worst_lag)
        tasks = len(asyncio.all_tasks(self._gateway.runtime.loop))
        yield _gauge("openclaw_event_loop_tasks", "Tasks that are not done; none per idle socket.", tasks)

    def _connections(self) -> Iterator[Metric]:
        gateway = self._gateway
        info = GaugeMetricFamily("openclaw_gateway_info", "Always 1.", labels=["version"])
        info.add_metric([gateway.runtime.version], 1)
        yield info
        roles = Counter({"node": 0, "operator": 0})
        roles.update(connection.role for connection in gateway.connections)
        roles["unauthenticated"] = len(gateway.door)
        yield _by_label(GaugeMetricFamily, "openclaw_connections", "Open sockets.", "role", roles)
        yield _by_label(
            CounterMetricFamily,
            "openclaw_handshakes",
            "Connects and refused upgrades.",
            "outcome",
            gateway.runtime.tally.handshakes,
        )

    def _invokes(self) -> Iterator[Metric]:
        runtime = self._gateway.runtime
        tally, table = runtime.tally, runtime.plugins.table
        count = CounterMetricFamily(
            "openclaw_invokes", "Invokes answered.", labels=["family", "command", "outcome"]
        )
        for (command, outcome), number in tally.invokes.items():
            count.add_metric([_family_of(table, command), command, outcome], number)
        yield count
        yield _gauge("openclaw_invokes_in_flight", "Invokes sent and not yet answered.", len(runtime.invokes))
        buckets: dict[str, list[int]] = {}
        seconds: dict[str, float] = {}
        for command, counts in tally.latency.items():
            family = _family_of(table, command)
            held = buckets.get(family, [0] * len(counts))
            buckets[family] = [sum(pair) for pair in zip(held, counts, strict=True)]
            seconds[family] = seconds.get(family, 0.0) + tally.latency_seconds[command]
        yield _histogram(buckets, seconds)

    def _state(self) -> Iterator[Metric]:
        runtime = self._gateway.runtime
        registry, store = runtime.registry, runtime.store
        waiting = {"device": len(registry.pair_requests), "surface": len(registry.surface_requests)}
        yield _by_label(
            GaugeMetricFamily, "openclaw_pending_requests", "What waits for a person.", "kind", waiting
        )
        queued = len(runtime.ledger.backlog.open)
        yield _gauge("openclaw_pending_work", "Queued work that is not finished.", queued)
        yield _gauge("openclaw_paired_devices", "Approved devices.", len(registry.devices))
        yield _counter("openclaw_store_commits", "Transactions committed.", store.commits)
        yield _counter("openclaw_store_failed_changes", "Changes that could not be stored.", store.failed)
        yield _gauge("openclaw_store_pending_changes", "Changes that wait for a commit.", store.pending)
        yield _gauge("openclaw_store_stuck", "1 when the last commit failed.", int(store.stuck is not None))
        yield _counter("openclaw_audit_rows", "Entries made in the audit trail.", runtime.audit.rows)


def _family_of(table: Any, command: str) -> str:
    return table.owner(command) or OTHER if command in table else OTHER


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _by_label(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    text: str,
    label: str,
    values: dict[str, int],
) -> Metric:
    family = kind(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _histogram(buckets: dict[str, list[int]], seconds: dict[str, float]) -> Metric:
    family = HistogramMetricFamily(
        "openclaw_invoke_duration_seconds", "From the sending to the answer.", labels=["family"]
    )
    bounds = [*(str(bound / 1000) for bound in BUCKETS_MS), "+Inf"]
    for name, counts in buckets.items():
        rising = list(zip(bounds, map(float, accumulate(counts)), strict=True))
        family.add_metric([name], rising, sum_value=seconds[name])
    return family
