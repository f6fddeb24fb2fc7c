"""The Control UI as it is served (PROTOCOL 1.2): public, strict, packed, and honest when it is missing."""

from __future__ import annotations

import gzip
from functools import partial

import httpx2
import pytest

from openclaw_core.control_ui import ControlUiMount
from openclaw_core.testing import TestGateway, operator_params
from tests.gateway.leftovers import assert_refused

pytestmark = pytest.mark.anyio

INDEX = "<!doctype html><title>page</title>"


@pytest.fixture
def page(tmp_path):
    """A built page of two files, one of them packed."""
    directory = tmp_path / "static"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(INDEX)
    (directory / "assets" / "app-1a2b.js").write_text("go()")
    (directory / "assets" / "app-1a2b.js.gz").write_bytes(gzip.compress(b"go()"))
    return directory


@pytest.fixture
async def fetch(tmp_path, page):
    """Ask a gateway that serves that page."""
    mount = partial(ControlUiMount, directory=page)
    async with TestGateway(tmp_path / "state", mounts=(mount,)) as gateway:
        base = f"http://127.0.0.1:{gateway.server.port}"
        async with httpx2.AsyncClient(base_url=base, headers={"Accept-Encoding": "identity"}) as client:
            yield client.request


async def test_the_page_is_public_and_may_load_nothing_from_elsewhere(fetch):
    answer = await fetch("GET", "/")
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_what_has_its_content_in_its_name_is_kept_and_packed(fetch):
    plain = await fetch("GET", "/assets/app-1a2b.js")
    packed = await fetch("GET", "/assets/app-1a2b.js", headers={"Accept-Encoding": "br;q=0, gzip"})
    assert plain.text == packed.text == "go()"
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/assets/app-1a2b.js.gz", 404),
        ("GET", "/assets/%2e%2e/index.html", 404),
        ("GET", "/assets/..%2f..%2fopenclaw.json", 404),
        ("GET", "/health", 200),
    ],
)
async def test_other_requests(fetch, method, path, status):
    answer = await fetch(method, path)
    assert answer.status_code == status
    if status in (404, 405):
        assert "content-security-policy" in answer.headers


async def test_a_page_that_is_not_built_says_how_and_is_there_once_it_is(tmp_path):
    static = tmp_path / "static"
    mount = partial(ControlUiMount, directory=static)
    async with (
        TestGateway(tmp_path / "state", mounts=(mount,)) as gateway,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{gateway.server.port}") as client,
    ):
        missing = await client.get("/")
        assert missing.status_code == 503
        assert "make ui" in missing.text
        static.mkdir()
        (static / "index.html").write_text(INDEX)
        assert (await client.get("/")).text == INDEX


async def test_only_the_page_s_own_address_may_knock(tmp_path, page):
    """The file server changes nothing about who may open a socket."""
    mount = partial(ControlUiMount, directory=page)
    async with TestGateway(tmp_path / "state", mounts=(mount,)) as gateway:
        port = gateway.server.port
        own = await gateway.wire(origin=f"http://127.0.0.1:{port}")
        assert (await own.connect(operator_params()))["ok"]
        other = await gateway.wire(origin=f"http://127.0.0.1:{port + 1}")
        await assert_refused(
            gateway,
            operator_params(),
            wire=other,
            details={"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"},
            begins="origin not allowed (",
        )
