"""Where the canvas may go."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_canvas.node.addresses import A2UI_PAGE, HOSTED, LOCAL, resolve

from openclaw_core import CommandError

SURFACE = "http://10.0.0.1:18789/__openclaw__/cap/abc"
DOCUMENT = "/__openclaw__/canvas/documents/d/index.html"
ALLOWED = (
    (DOCUMENT, HOSTED + DOCUMENT, DOCUMENT),
    (f" {DOCUMENT}?q=1#top ", f"{HOSTED}{DOCUMENT}?q=1#top", f"{DOCUMENT}?q=1"),
    ("/__openclaw__/canvas", f"{HOSTED}/__openclaw__/canvas", "/__openclaw__/canvas"),
    ("/", f"{HOSTED}/__openclaw__/canvas/", "/__openclaw__/canvas/"),
    (f"http://10.0.0.1:18789{DOCUMENT}", HOSTED + DOCUMENT, DOCUMENT),
    (f"{SURFACE}{DOCUMENT}", HOSTED + DOCUMENT, DOCUMENT),
    (HOSTED + DOCUMENT, HOSTED + DOCUMENT, DOCUMENT),
    ("http://10.0.0.1:18789/health", "http://10.0.0.1:18789/health", None),
    (f"https://example.com{DOCUMENT}", f"https://example.com{DOCUMENT}", None),
    ("openclaw-canvas:///board/a.html?x#y", f"{LOCAL}/board/a.html?x#y", None),
    ("openclaw-canvas://", f"{LOCAL}/", None),
)
REFUSED = (
    ("file:///etc/passwd", "the canvas opens no file: URLs"),
    ("javascript:alert(1)", "no javascript: URLs"),
    ("data:text/html,x", "no data: URLs"),
    ("chrome://settings", "no chrome: URLs"),
    ("view-source:http://x", "no view-source: URLs"),
    ("example.com", "neither a hosted path nor a URL with its scheme"),
    ("/etc/passwd", "neither a hosted path"),
    ("/__openclaw__/canvasx/", "neither a hosted path"),
    ("//evil/__openclaw__/canvas/", "neither a hosted path"),
    ("http://[", "Invalid IPv6 URL"),
)


@pytest.mark.parametrize(("url", "shown", "hosted"), ALLOWED)
def test_allowed(url: str, shown: str, hosted: str | None) -> None:
    address = resolve(url, SURFACE)
    assert (address.url, address.hosted) == (shown, hosted)


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_refused(url: str, why: str) -> None:
    with pytest.raises(CommandError) as refused:
        resolve(url, SURFACE)
    assert refused.value.code == "INVALID_REQUEST"
    assert why in refused.value.message
    assert "give a path below /__openclaw__/canvas/documents/" in refused.value.message


def test_the_a2ui_page_is_a_hosted_one() -> None:
    assert resolve(urlsplit(A2UI_PAGE).path, None).url == A2UI_PAGE


PIECES = st.sampled_from(
    ["http:", "file:", "//", "/", DOCUMENT, SURFACE, "..", "@", ":", "?", "#", "\t", "x"]
)


@given(st.lists(PIECES, max_size=6).map("".join) | st.text())
def test_whatever_is_asked_for_no_other_scheme_gets_through(url: str) -> None:
    try:
        address = resolve(url, SURFACE)
    except CommandError:
        return
    assert urlsplit(address.url).scheme in ("http", "https", "openclaw-canvas")
    if address.hosted is not None:
        assert address.hosted.startswith("/__openclaw__/canvas")
        assert address.url.startswith(f"{HOSTED}/")
