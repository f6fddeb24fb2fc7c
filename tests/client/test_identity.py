"""Device identity files: made once, private, never overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest

from openclaw_core.auth.signing import SignedFields
from openclaw_core.client import Identity, load_or_create_identity
from openclaw_core.client import identity as identity_module
from openclaw_core.errors import ConfigError

SEED = bytes(range(1, 33))
DEVICE_ID = "65b60673d6ed884bf01c2c222d82ada0740f29ac3355d6a925c81f17f47a27b8"


def test_the_published_vector() -> None:
    identity = Identity(SEED)
    assert identity.device_id == DEVICE_ID
    assert identity.public_key == "ebVWLo_mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ"
    fields = SignedFields(
        device_id=DEVICE_ID,
        client_id="node-host",
        client_mode="node",
        role="node",
        scopes=(),
        signed_at=1_737_264_000_000,
        token="",
        nonce="0f6d2c9e-5b1a-4c3d-8e7f-9a0b1c2d3e4f",
        platform=" Linux ",
        device_family="LINUX",
    )
    assert identity.sign(fields) == (
        "tqSFRlWPTPKQLZIuneDSfzVi-bJCOACeYYOJyX85xLoytVw4lU-x7wZA1WAJAgkIzh1kCvDkKS5fGmbzsfgyBw"
    )
    assert SEED.hex() not in repr(identity)


def test_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "node" / "identity.json"
    first = load_or_create_identity(path)
    assert load_or_create_identity(path).device_id == first.device_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # The first command of a person makes the whole way to it, and none of that is open to others.
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, tmp_path / "state")] == [0o700] * 2
    assert [item.name for item in path.parent.iterdir()] == ["identity.json"]


def test_a_rival_that_was_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    rival = load_or_create_identity(path)
    assert identity_module._create(path).device_id == rival.device_id
    assert [item.name for item in tmp_path.iterdir()] == ["identity.json"]


def _document(**changes: object) -> bytes:
    return orjson.dumps({**Identity(SEED).to_document(), **changes})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "broken"),
        (b"{", "broken"),
        (b"[]", "broken"),
        (b'{"version":1}', "'seed' is missing"),
        (_document(seed="AAAA"), "not 32 bytes"),
        (_document(seed=7), "broken"),
        (_document(deviceId="0" * 64), "does not belong"),
    ],
)
def test_a_broken_file_is_named_and_kept(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "identity.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_or_create_identity(path)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)
    assert "backup" in str(caught.value)
    assert path.read_bytes() == content


def test_an_unwritable_place_is_a_clear_error(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(ConfigError, match="identity"):
        load_or_create_identity(blocker / "identity.json")
