"""Which part of a payload is media, whatever command it comes from."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import AudioContent, EmbeddedResource, ImageContent, TextContent

from openclaw_core.client.operator import Tool
from openclaw_core.mcp.content import content_of
from openclaw_core.mcp.server import declare

PLENTY = 1_000_000
DATA = base64.b64encode(b"\x01\x02\x03").decode()


@pytest.mark.parametrize(
    ("facts", "block", "mime_type"),
    [
        ({"format": "png"}, ImageContent, "image/png"),
        ({"format": "JPG"}, ImageContent, "image/jpeg"),
        ({"format": "image/webp"}, ImageContent, "image/webp"),
        ({"mimeType": "image/png; q=1", "format": "wav"}, ImageContent, "image/png"),
        ({"format": "wav"}, AudioContent, "audio/wav"),
        ({"format": "mp3"}, AudioContent, "audio/mpeg"),
        ({"mimeType": "audio/flac"}, AudioContent, "audio/flac"),
        ({"format": "mp4"}, EmbeddedResource, "video/mp4"),
        ({"format": "pdf"}, EmbeddedResource, "application/pdf"),
        ({"format": "no-such"}, EmbeddedResource, "application/octet-stream"),
    ],
)
def test_media_by_its_form(facts, block, mime_type):
    (text, media), rest = content_of({**facts, "base64": DATA, "width": 3}, PLENTY)
    assert isinstance(text, TextContent)
    assert isinstance(media, block)
    seen = media.resource if isinstance(media, EmbeddedResource) else media
    assert seen.mime_type == mime_type
    assert (seen.blob if isinstance(media, EmbeddedResource) else seen.data) == DATA
    assert rest == {**facts, "width": 3, "media": {"mimeType": mime_type, "bytes": 3, "block": 1}}


@pytest.mark.parametrize(
    "payload",
    [
        {"base64": DATA},
        {"base64": "not base64!", "format": "png"},
        {"base64": "", "format": "png"},
        {"base64": 5, "format": "png"},
        {"base64": None, "format": "png", "url": "https://x.example/y.png"},
        {"format": "png", "url": "https://x.example/y.png"},
        {"base64": DATA, "format": 7},
    ],
)
def test_what_is_no_media_stays_as_it_is(payload):
    (text,), rest = content_of(payload, PLENTY)
    assert rest == payload
    assert isinstance(text, TextContent)


def test_media_deep_inside_and_several():
    payload = {
        "ok": True,
        "files": [{"format": "png", "base64": DATA}, {"mimeType": "audio/wav", "base64": DATA}],
    }
    (_, first, second), rest = content_of(payload, PLENTY)
    assert (first.mime_type, second.mime_type) == ("image/png", "audio/wav")
    assert [item["media"]["block"] for item in rest["files"]] == [1, 2]


@pytest.mark.parametrize("payload", [None, 3, "text", [1, 2]])
def test_what_is_no_object_has_no_structured_content(payload):
    (text,), rest = content_of(payload, PLENTY)
    assert rest is None
    assert isinstance(text, TextContent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["format", "base64", "mimeType", "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_every_block_is_named_once(payload):
    blocks, rest = content_of(payload, PLENTY)
    named: list[int] = []

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("media"), dict):
                named.append(value["media"]["block"])
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(rest)
    if isinstance(payload, dict):
        assert sorted(named) == list(range(1, len(blocks)))


def test_a_schema_always_says_that_it_is_an_object():
    facts = {
        "id": "a__b", "label": "B", "description": "Do b.", "nodeId": "n", "nodeName": "A",
        "platform": "ios", "command": "b", "hints": {"foreground": True}, "needsApproval": True,
    }  # fmt: skip
    declared = declare(Tool.model_validate({**facts, "inputSchema": {"anyOf": [{"required": ["x"]}]}}))
    assert declared.input_schema == {"anyOf": [{"required": ["x"]}], "type": "object"}
    assert declared.description == (
        "Do b.\n\nRuns on A (ios). Its app has to be in the foreground. A person is asked first."
    )


def test_the_largest_is_left_out_of_what_is_too_long():
    small, large = DATA, base64.b64encode(bytes(30_000)).decode()
    payload = {"a": {"format": "png", "base64": small}, "b": {"format": "png", "base64": large}}
    (_, image, note), rest = content_of(payload, 20_000)
    assert image.data == small
    assert rest["a"]["media"] == {"mimeType": "image/png", "bytes": 3, "block": 1}
    assert rest["b"]["media"] == {"mimeType": "image/png", "bytes": 30_000, "leftOut": True}
    assert note.text.startswith("The image/png of 30000 bytes is left out")


def test_of_a_text_that_is_too_long_the_beginning_is_told():
    (text, note), rest = content_of({"stdout": "x" * 30_000}, 20_000)
    assert rest is None
    assert text.text == '{"stdout":"' + "x" * (5_000 - 11)
    assert (
        note.text == "The result has 30013 characters, too many for this connection; this is its beginning."
    )
