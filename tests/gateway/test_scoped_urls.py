"""Scoped URLs of surfaces: PROTOCOL 13."""

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import SurfaceGrant
from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeClock, FakeDevice, Wire, node_params, operator_params

from .invoking import failure
from .leftovers import until
from .plain_http import get

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.pluginSurface.refresh", "plugin.surface.refresh"),
]

UNAUTHORIZED = {"error": {"message": "Unauthorized", "type": "unauthorized"}}
MINUTES = 60_000


async def tell(request):
    return JSONResponse(
        {"path": request.url.path, "node": request.state.node_id, "q": request.query_params.get("q")}
    )


async def explode(_request):
    raise RuntimeError("a secret")


class Board:
    """A family with a surface `board`, granted to every node but one called Stranger."""

    @hookimpl
    def openclaw_family(self):
        return Family("board", "Board", (), caps=("board", "plain"))

    @hookimpl
    def openclaw_refresh_surface(self, surface, node):
        if surface == "board" and (node is None or node.display_name != "Stranger"):
            return SurfaceGrant()
        return None

    @hookimpl
    def openclaw_http_routes(self):
        home = "/__openclaw__/board"
        return [Route(f"{home}/", tell), Route(f"{home}/broken", explode), Mount(f"{home}/files", app=files)]


async def files(scope, receive, send):
    await PlainTextResponse("file", headers={"Cache-Control": "max-age=9"})(scope, receive, send)


async def board_node(gateway, **changes):
    return await gateway.node(["demo.any"], caps=["board", "demo"], **changes)


async def refresh(wire, method="node.pluginSurface.refresh", **params):
    return await wire.call(method, {"surface": "board", **params})


def url_of(answer):
    return answer["pluginSurfaceUrls"]["board"]


# The grant


async def test_hello_grants_what_is_approved(start):
    gateway = await start(extra=[Board()])
    device = FakeDevice()
    node, node_id = await board_node(gateway, device=device, approve=False)
    assert failure(await node.request("node.pluginSurface.refresh", {"surface": "board"}))[:2] == (
        "UNAVAILABLE",
        "board plugin surface unavailable",
    )
    await gateway.approve_surface(node_id)
    granted = url_of(await refresh(node))  # row 21: no reconnect needed
    wire = await gateway.wire()
    hello = await wire.connect(node_params(["demo.any"], caps=["board", "demo"]), device)
    (name,) = hello["payload"]["pluginSurfaceUrls"]
    url = hello["payload"]["pluginSurfaceUrls"][name]
    base = f"http://127.0.0.1:{gateway.server.port}/__openclaw__/cap/"
    assert (name, url[: len(base)], len(url) - len(base)) == ("board", base, 24)
    assert url != granted


async def test_the_url_names_the_host_the_client_used(start):
    gateway = await start(extra=[Board()])
    async with Wire.open(f"ws://localhost:{gateway.server.port}") as wire:
        hello = await wire.connect(operator_params(["operator.read"]))
        url = url_of(hello["payload"])
        assert url.startswith(f"http://localhost:{gateway.server.port}/__openclaw__/cap/")


async def test_a_proxy_with_tls_in_front(start):
    gateway = await start({"trustedProxies": ["127.0.0.1"]}, extra=[Board()])
    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    wire = await gateway.wire(additional_headers=forwarded)
    params = node_params(["demo.any"], caps=["board"])
    device = FakeDevice()
    refused = await wire.connect(params, device)
    operator = await gateway.operator()
    request_id = refused["error"]["details"]["requestId"]
    await operator.call("device.pair.approve", {"requestId": request_id})
    wire = await gateway.wire(additional_headers=forwarded)
    assert (await wire.connect(params, device))["ok"]
    await gateway.approve_surface(device.device_id)
    assert url_of(await refresh(wire)).startswith("https://127.0.0.1:")


async def test_who_gets_none(start):
    gateway = await start(extra=[Board()])
    blind = await gateway.wire()
    hello = await blind.connect(operator_params(["operator.pairing"]))
    assert "pluginSurfaceUrls" not in hello["payload"]
    refused = await blind.request("plugin.surface.refresh", {"surface": "board"})
    assert failure(refused)[2]["missingScope"] == "operator.read"
    device = FakeDevice()
    await board_node(gateway, device=device)
    old = await gateway.wire()
    params = node_params(["demo.any"], caps=["board", "demo"], minProtocol=3, maxProtocol=3)
    hello = await old.connect(params, device)
    assert "pluginSurfaceUrls" not in hello["payload"]
    refused = await old.request("node.pluginSurface.refresh", {"surface": "board"})
    assert failure(refused)[1] == "board plugin surface unavailable"
    assert "update the node's app" in failure(refused)[2]["hint"]


REFUSED = (
    ({}, "INVALID_REQUEST", "surface required"),
    ({"surface": "  "}, "INVALID_REQUEST", "surface required"),
    ({"surface": "nope"}, "UNAVAILABLE", "nope plugin surface unavailable"),
    ({"surface": "plain"}, "UNAVAILABLE", "plain plugin surface unavailable"),
)


async def test_refusals_of_a_refresh(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway)
    operator = await gateway.operator()
    theirs, ours = "node.pluginSurface.refresh", "plugin.surface.refresh"
    for wire, own, foreign in ((node, theirs, ours), (operator, ours, theirs)):
        for params, code, message in REFUSED:
            assert failure(await wire.request(own, params))[:2] == (code, message)
        crossed = await wire.request(foreign, {"surface": "board"})
        assert "unauthorized role" in failure(crossed)[1]


async def test_the_family_decides(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway, client={"displayName": "Stranger"})
    refused = await node.request("node.pluginSurface.refresh", {"surface": "board"})
    assert failure(refused)[1] == "board plugin surface unavailable"


# The URL


async def test_requests_through_the_url(start):
    gateway = await start(extra=[Board()])
    node, node_id = await board_node(gateway)
    url = url_of(await refresh(node))
    answer = await get(f"{url}/__openclaw__/board/?q=1")
    assert (answer.status, answer.json["node"], answer.json["q"]) == (200, node_id, "1")
    token = url.rpartition("/")[2]
    home = url.partition("/__openclaw__/")[0] + "/__openclaw__/board/"
    assert (await get(f"{home}?oc_cap={token}&q=2")).json == {
        "path": "/__openclaw__/board/",
        "node": node_id,
        "q": "2",
    }
    assert (await get(f"{url}/__openclaw__/board/files/a/b.png")).body == b"file"
    operator = await gateway.operator()
    theirs = url_of(await refresh(operator, "plugin.surface.refresh"))
    assert (await get(f"{theirs}/__openclaw__/board/")).json["node"] is None


async def test_the_url_does_not_leak(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway)
    url = url_of(await refresh(node))
    headers = (await get(f"{url}/__openclaw__/board/")).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("sandbox")
    own = (await get(f"{url}/__openclaw__/board/files/x")).headers
    assert own["cache-control"] == "max-age=9"  # a family that knows better says so
    held = repr(vars(gateway.server.gateway.runtime.scoped_urls))
    assert url.rpartition("/")[2] not in held


DEAD = (
    "/__openclaw__/cap/",
    "/__openclaw__/cap/wrong/x",
    "/__openclaw__/board/",
    "/__openclaw__/?oc_cap=%00%ff",
)


async def test_without_a_live_token(start):
    gateway = await start(extra=[Board()])
    await board_node(gateway)
    for path in DEAD:
        answer = await get(f"http://127.0.0.1:{gateway.server.port}{path}")
        assert (answer.status, answer.json) == (401, UNAUTHORIZED)
    trail = await gateway.server.gateway.runtime.store.load(AuditEvent)
    row = next(row for row in trail if row.kind == "surface.open")
    assert (row.outcome, row.remote_ip) == ("refused", "127.0.0.1")


async def test_a_token_opens_its_family_only(start):
    class Other:
        @hookimpl
        def openclaw_family(self):
            return Family("other", "Other", (), caps=("other",))

        @hookimpl
        def openclaw_http_routes(self):
            return [Route("/__openclaw__/other/", tell)]

    class Thief(Other):
        @hookimpl
        def openclaw_family(self):
            return Family("thief", "Thief", (), caps=("thief",))

        @hookimpl
        def openclaw_http_routes(self):
            return [Route("/__openclaw__/board/", explode)]

        @hookimpl
        def openclaw_refresh_surface(self, surface, node):
            return SurfaceGrant()

    gateway = await start(extra=[Thief(), Board(), Other()])
    node, _ = await board_node(gateway)
    url = url_of(await refresh(node))
    assert (await get(f"{url}/__openclaw__/board/")).status == 200
    assert (await get(f"{url}/__openclaw__/other/")).status == 404
    operator = await gateway.operator()
    answer = await operator.call("plugin.surface.refresh", {"surface": "thief"})
    stolen = answer["pluginSurfaceUrls"]["thief"]
    assert (await get(f"{stolen}/__openclaw__/board/")).json["error"]["type"] == "not_found"


@pytest.mark.parametrize("answer", ["yes", 1, True])
async def test_hooks_that_answer_nonsense_harm_nobody(start, answer, caplog):
    class Confused(Board):
        @hookimpl
        def openclaw_refresh_surface(self, surface, node):
            return answer

        @hookimpl
        def openclaw_http_routes(self):
            return answer

    gateway = await start(extra=[Confused()])
    node, _ = await board_node(gateway)
    refused = await node.request("node.pluginSurface.refresh", {"surface": "board"})
    assert failure(refused)[1] == "board plugin surface unavailable"
    assert "not a SurfaceGrant" in caplog.text
    assert "its HTTP routes are not served" in caplog.text


async def test_a_page_that_breaks_harms_no_other(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway)
    url = url_of(await refresh(node))
    broken = await get(f"{url}/__openclaw__/board/broken")
    assert (broken.status, broken.json["error"]["type"]) == (500, "family_failed")
    assert b"secret" not in broken.body
    assert (await get(f"{url}/__openclaw__/board/")).status == 200


# Its life


async def test_use_extends_it(start):
    clock = FakeClock()
    gateway = await start(extra=[Board()], now_ms=clock)
    node, _ = await board_node(gateway)
    answer = await refresh(node)
    assert answer["expiresAtMs"] == clock() + 10 * MINUTES
    page = f"{url_of(answer)}/__openclaw__/board/"
    for _ in range(3):
        clock.advance(10 * MINUTES - 1)
        assert (await get(page)).status == 200
    clock.advance(10 * MINUTES)
    assert (await get(page)).status == 401


async def test_a_refresh_ends_the_one_before(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway)
    first = url_of(await refresh(node))
    second = url_of(await refresh(node, observedUrl=first))
    assert second != first
    assert (await get(f"{first}/__openclaw__/board/")).status == 401
    assert (await get(f"{second}/__openclaw__/board/")).status == 200
    # Two refreshes raced, and both saw the first URL: the later one gets what the other got.
    assert await refresh(node, observedUrl=first) == {
        "surface": "board",
        "pluginSurfaceUrls": {"board": second},
    }
    assert (await get(f"{second}/__openclaw__/board/")).status == 200


async def test_it_ends_with_the_connection(start):
    gateway = await start(extra=[Board()])
    operator, device = await gateway.operator(), FakeDevice()
    node, _ = await board_node(gateway, device=device)
    replaced = url_of(await refresh(node))
    newer, _ = await board_node(gateway, device=device)
    assert (await get(f"{replaced}/__openclaw__/board/")).status == 401
    url = url_of(await refresh(newer))
    theirs = url_of(await refresh(await gateway.operator(["operator.read"]), "plugin.surface.refresh"))
    assert (await get(f"{theirs}/__openclaw__/board/")).status == 200
    await newer.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    assert (await get(f"{url}/__openclaw__/board/")).status == 401


async def test_it_ends_with_the_approval(start):
    gateway = await start(extra=[Board()])
    node, _ = await board_node(gateway)
    url = url_of(await refresh(node))
    answer = await node.call("node.pluginSurface.refresh", {"surface": "board", "caps": ["demo"]})
    assert "pluginSurfaceUrls" not in answer
    assert (await get(f"{url}/__openclaw__/board/")).status == 401
    answer = await node.call("node.pluginSurface.refresh", {"surface": "board", "caps": ["board", "demo"]})
    assert (await get(f"{url_of(answer)}/__openclaw__/board/")).status == 200


async def test_nothing_is_left_when_all_are_gone(start):
    gateway = await start(extra=[Board()])
    watcher = await gateway.operator(["operator.pairing"])
    for _ in range(3):
        operator = await gateway.operator(["operator.read"])
        await refresh(operator, "plugin.surface.refresh")
        await operator.socket.close()
    node, node_id = await board_node(gateway)
    await watcher.call("node.pair.remove", {"nodeId": node_id})
    await node.closed()
    await watcher.call("health", {})
    await until(lambda: len(gateway.server.gateway.runtime.scoped_urls) == 0, "no token left")
