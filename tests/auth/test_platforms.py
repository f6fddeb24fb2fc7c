"""Platform resolution (PROTOCOL 9.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.platforms import KNOWN_CLIENT_IDS, resolve_platform
from openclaw_core.commands import ALL_PLATFORMS

TABLE = [
    ("linux", "Linux", "node-host", "linux"),
    (" Linux ", " LINUX ", "node-host", "linux"),
    ("macos", "Mac", "openclaw-macos", "macos"),
    ("windows", "Windows", "node-host", "windows"),
    ("linux", None, "node-host", "unknown"),
    ("linux", "Mac", "node-host", "unknown"),
    ("macos", "Linux", "node-host", "unknown"),
    ("ios", None, "openclaw-ios", "ios"),
    ("ios", "iPad", "openclaw-ios", "ios"),
    ("ios", "Mac", "openclaw-ios", "unknown"),
    ("android", "", "openclaw-android", "android"),
    ("watchos", None, "openclaw-watchos", "unknown"),
    ("watchos", "Apple Watch", "openclaw-watchos", "watchos"),
    ("iOS 18.4.0", "iPhone", "openclaw-ios", "ios"),
    ("iPadOS 18.4", "iPad", "openclaw-ios", "ios"),
    ("iOS 18.4.0", None, "openclaw-ios", "unknown"),
    ("iOS 18..4", "iPhone", "openclaw-ios", "unknown"),
    ("iOS", "Mac", "openclaw-ios", "unknown"),
    ("Linux 6.1", "Linux", "openclaw-linux", "unknown"),
    ("iOS 18 evil", "iPhone", "openclaw-ios", "unknown"),
    ("Android 15", "Android", "openclaw-android", "android"),
    ("Android 15 (SDK 35)", "Android", "openclaw-android", "android"),
    ("macOS 15.3", "Mac", "openclaw-macos", "macos"),
    ("watchOS 11", "Apple Watch", "openclaw-watchos", "watchos"),
    ("darwin", "Mac", "node-host", "macos"),
    ("win32", "Windows", "node-host", "windows"),
    ("darwin", "Mac", "openclaw-macos", "unknown"),
    ("darwin", "Linux", "node-host", "unknown"),
    ("win32", None, "node-host", "unknown"),
    (" ", "Linux", "node-host", "linux"),
    (" ", "Apple Watch", "node-host", "watchos"),
    (" ", "Linux-like", "node-host", "unknown"),
    (" ", None, "node-host", "unknown"),
    ("haiku", "Linux", "node-host", "unknown"),
    ("linux", "Linux", "my-own-node", "unknown"),
    ("linux", "Linux", None, "linux"),
    ("darwin", "Mac", None, "unknown"),
]


@pytest.mark.parametrize(("platform", "family", "client_id", "expected"), TABLE)
def test_table(platform, family, client_id, expected):
    assert resolve_platform(platform, family, client_id) == expected


PLATFORMS = st.sampled_from([row[0] for row in TABLE]) | st.text(max_size=10)
FAMILIES = st.none() | st.sampled_from([row[1] for row in TABLE]) | st.text(max_size=10)


@given(PLATFORMS, FAMILIES, st.text())
def test_an_unknown_client_never_gains(platform, family, client_id):
    if client_id not in KNOWN_CLIENT_IDS:
        assert resolve_platform(platform, family, client_id) == "unknown"


@given(PLATFORMS, FAMILIES, st.sampled_from(sorted(KNOWN_CLIENT_IDS)))
def test_case_and_space_do_not_matter_and_the_answer_is_a_platform(platform, family, client_id):
    found = resolve_platform(platform, family, client_id)
    assert found in ALL_PLATFORMS
    if platform.isascii() and (family or "").isascii():
        changed = f" {platform.upper()} ", None if family is None else f"{family.upper()} "
        assert resolve_platform(*changed, client_id) == found


@given(st.text(max_size=10), st.text(max_size=10))
def test_unknown_texts_gain_nothing(platform, family):
    known = {row[0].strip().lower() for row in TABLE}
    if platform.strip() and platform.strip().lower() not in known and " " not in platform.strip():
        assert resolve_platform(platform, family, "node-host") == "unknown"
