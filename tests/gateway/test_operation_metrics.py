"""`/metrics`: the text format, what it counts, and who may read it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openclaw_core.testing import PATIENCE_SECONDS, TOKEN, FakeDevice, operator_params

from .invoking import finish, invoke, post_invoke, respond

pytestmark = [pytest.mark.anyio, pytest.mark.covers("status")]

PROXIED = {"trustedProxies": ["127.0.0.1"]}
FORWARDED = {"X-Forwarded-For": "203.0.113.9"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def scrape(gateway, **headers):
    """Status and body of a scrape; header names with `_` for `-`."""
    fields = {"Host": f"127.0.0.1:{gateway.server.port}", "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
        writer.write(f"GET /metrics HTTP/1.1\r\n{head}\r\n".encode())
        answer = await reader.read(-1)
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


async def samples(gateway):
    """Every sample: (name, labels as sorted pairs) → value."""
    status, text = await scrape(gateway)
    assert status == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_connections_handshakes_and_what_waits(start):
    gateway = await start()
    await gateway.node(["demo.echo"], approve=False)
    await gateway.operator()
    await (await gateway.wire()).connect(operator_params(token="wrong"))
    found = await samples(gateway)
    assert found["openclaw_connections", ("role", "node")] == 1
    assert found["openclaw_connections", ("role", "operator")] == 1
    assert found["openclaw_handshakes_total", ("outcome", "ok")] == 2
    assert found["openclaw_handshakes_total", ("outcome", "AUTH_TOKEN_MISMATCH")] == 1
    assert found["openclaw_pending_requests", ("kind", "surface")] == 1
    assert found["openclaw_pending_requests", ("kind", "device")] == 0
    assert found["openclaw_paired_devices",] == 1
    assert found["openclaw_pending_work",] == 0
    assert found["openclaw_store_commits_total",] > 0
    assert found["openclaw_store_stuck",] == 0
    assert found["openclaw_audit_rows_total",] >= 4
    assert ("openclaw_event_loop_lag_seconds",) in found
    assert found["openclaw_event_loop_tasks",] >= 1
    assert found["process_resident_memory_bytes",] > 0


async def test_invokes_by_family_command_and_outcome(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo", "demo.any"])
    operator = await gateway.operator()
    for outcome in ({}, {}, {"ok": False, "error": {"code": "X", "message": "no"}}):
        asked = await post_invoke(operator, node_id, "demo.any")
        await respond(node, node_id, **outcome)
        await finish(operator, asked)
    await invoke(operator, node_id, "demo.linux")
    for number in range(3):
        await invoke(operator, node_id, f"made.up{number}")
    found = await samples(gateway)

    def count(command, outcome, family="demo"):
        labels = (("command", command), ("family", family), ("outcome", outcome))
        return found.get(("openclaw_invokes_total", *labels))

    assert count("demo.any", "ok") == 2
    assert count("demo.any", "failed") == 1
    assert count("demo.linux", "refused") == 1
    assert count("other", "refused", "other") == 3
    assert found["openclaw_invoke_duration_seconds_count", ("family", "demo")] == 3
    assert found["openclaw_invoke_duration_seconds_bucket", ("family", "demo"), ("le", "+Inf")] == 3
    assert found["openclaw_invoke_duration_seconds_sum", ("family", "demo")] > 0
    assert found["openclaw_invokes_in_flight",] == 0


async def test_labels_of_strangers_are_bounded(start):
    gateway = await start()
    tally = gateway.server.gateway.runtime.tally
    for number in range(1_000):
        tally.handshake(f"CODE_{number}")
        tally.refused_invoke(f"command.{number}")
    names = [key[0] for key in await samples(gateway)]
    assert names.count("openclaw_handshakes_total") <= 65
    assert names.count("openclaw_invokes_total") == 1


@pytest.mark.parametrize(
    ("overrides", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"Host": "localhost"}, 200),
        ({}, {"Host": "[::1]:1"}, 200),
        ({}, BEARER, 200),
        ({}, {"Host": "rebound.example"}, 401),
        ({}, {"Host": "0.0.0.0:18789"}, 401),
        ({}, {"Host": "[::1"}, 401),
        ({}, {"Origin": "http://page.example"}, 401),
        ({}, {"Host": "rebound.example", **BEARER}, 200),
        ({}, {"Authorization": "Bearer wrong"}, 401),
        ({}, {"Authorization": f"Basic {TOKEN}", "Host": "rebound.example"}, 401),
        ({}, FORWARDED, 403),
        ({}, {**FORWARDED, **BEARER}, 403),
        (PROXIED, FORWARDED, 401),
        (PROXIED, {"X-Forwarded-For": "127.0.0.1"}, 401),
        (PROXIED, {**FORWARDED, **BEARER}, 200),
        ({"auth.mode": "none"}, {}, 200),
        ({"auth.mode": "none", **PROXIED}, {**FORWARDED, **BEARER}, 401),
    ],
)
async def test_who_may_read_it(start, overrides, headers, status):
    gateway = await start(overrides)
    assert (await scrape(gateway, **headers))[0] == status


async def test_guessing_the_secret_is_locked_out_and_audited(start):
    gateway = await start({**PROXIED, "auth.rateLimit.maxAttempts": 3})
    guess = {**FORWARDED, "Authorization": "Bearer guess"}
    seen = [(await scrape(gateway, **guess))[0] for _ in range(4)]
    assert seen == [401, 401, 401, 429]
    assert (await scrape(gateway, **FORWARDED, **BEARER))[0] == 429
    assert (await scrape(gateway, **BEARER))[0] == 200
    events = (await (await gateway.operator()).call("audit.list", {"kinds": ["http"]}))["events"]
    assert {event["details"]["code"] for event in events} == {"METRICS_AUTH_MISMATCH", "AUTH_RATE_LIMITED"}
    assert {event["remoteIp"] for event in events} == {"203.0.113.9"}


async def test_nothing_of_a_device_is_in_the_text(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.echo"], device=device)
    _, text = await scrape(gateway)
    assert device.device_id not in text
    assert TOKEN not in text


async def test_guesses_from_one_ipv6_network_count_together(start):
    gateway = await start({**PROXIED, "auth.rateLimit.maxAttempts": 3})
    guesses = [{"X-Forwarded-For": f"2001:db8::{number}"} for number in range(4)]
    answers = [await scrape(gateway, Authorization="Bearer wrong", **guess) for guess in guesses]
    assert [status for status, _ in answers] == [401, 401, 401, 429]
    other = {"X-Forwarded-For": "2001:db8:0:1::1"}
    assert (await scrape(gateway, **BEARER, **other))[0] == 200
