"""Browser origins (PROTOCOL 5.4, last row)."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.origin import origin_allowed, origin_refusal

GATEWAY = "127.0.0.1:18789"


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "loopback", "expected"),
    [
        (None, GATEWAY, [], False, True),
        ("", GATEWAY, ["*"], True, False),
        ("null", GATEWAY, ["*"], True, False),
        ("http://127.0.0.1:18789", GATEWAY, [], True, True),
        ("http://localhost:18789", GATEWAY, [], True, True),
        ("http://[::1]:18789", "localhost:18789", [], True, True),
        ("http://localhost", "localhost", [], True, True),
        ("https://localhost", "localhost:443", [], True, True),
        ("http://localhost:5173", GATEWAY, [], True, False),
        ("http://127.0.0.1:18789", GATEWAY, [], False, False),
        ("http://evil.example:18789", "evil.example:18789", [], True, False),
        ("http://192.168.1.5:18789", "192.168.1.5:18789", [], False, True),
        ("https://[fd00::5]", "[fd00::5]:443", [], False, True),
        ("http://192.168.1.5:8000", "192.168.1.5:18789", [], False, False),
        ("http://192.168.1.6:18789", "192.168.1.5:18789", [], False, False),
        ("http://evil.example:18789", "192.168.1.5:18789", [], False, False),
        ("http://gw.example:18789", "gw.example:18789", [], False, False),
        ("http://localhost.evil.example:18789", GATEWAY, [], True, False),
        ("tauri://localhost", "localhost", [], True, False),
        ("app://192.168.1.5", "192.168.1.5", [], False, False),
        ("tauri://localhost", "localhost", ["tauri://localhost"], True, True),
        ("https://ui.example", "gw.example", ["https://ui.example"], False, True),
        ("https://UI.example/", "gw.example", [" https://ui.example:443"], False, True),
        ("http://ui.example", "gw.example", ["https://ui.example"], False, False),
        ("https://ui.example.evil", "gw.example", ["https://ui.example"], False, False),
        ("https://user@ui.example", "gw.example", ["https://ui.example", "*"], False, False),
        ("https://ui.example/path", "gw.example", ["*"], False, False),
        ("https://any.example", "gw.example", ["*"], False, True),
        ("http://localhost:99999", GATEWAY, ["*"], True, False),
        ("http://[::1", GATEWAY, ["*"], True, False),
    ],
)
def test_table(origin, host, allowed, loopback, expected):
    assert origin_allowed(origin, host, allowed, loopback) is expected


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.text(max_size=10), max_size=2))
def test_no_text_raises_and_no_remote_page_comes_in_unlisted(origin, host, allowed):
    if origin_allowed(origin, host, allowed, loopback=False):
        assert allowed or urlsplit(origin).hostname == urlsplit(f"//{host}").hostname


@given(st.text("abcx.", min_size=1, max_size=12))
def test_a_rebound_name_never_passes_for_this_host(name):
    page = f"{name}.example:18789"
    assert not origin_allowed(f"http://{page}", page, [], loopback=True)


def test_refusal():
    wire = origin_refusal().to_wire()
    assert wire["message"].startswith("origin not allowed (")
    assert wire["details"] == {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"}
