"""Which credential is used, retried, forgotten and kept (5.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openclaw_core.client import (
    ConnectOptions,
    DeviceTokens,
    HandshakeRefusedError,
    Identity,
    connect_with_tokens,
)
from openclaw_core.client.session import choose_credential, may_retry_with_device_token
from tests.client.stub import RefusalError, StubGateway, hello

pytestmark = pytest.mark.anyio
IDENTITY = Identity(bytes(32))
MAY_RETRY = {"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": True}


def options(url: str = "ws://127.0.0.1:1", **more: Any) -> ConnectOptions:
    return ConnectOptions(url=url, identity=IDENTITY, role="node", **more)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"token": "t"}, {"token": "t"}),
        ({"token": "t", "password": "p"}, {"token": "t", "password": "p"}),
        ({"device_token": "d"}, {"device_token": "d"}),
        ({"password": "p"}, {"password": "p"}),
        ({"bootstrap_token": "b"}, {"device_token": "stored"}),
        ({}, {"device_token": "stored"}),
    ],
)
def test_what_was_given_on_purpose_comes_first(given: dict[str, str], sent: dict[str, str]) -> None:
    chosen = choose_credential(options(**given), "stored")
    names = ("token", "device_token", "bootstrap_token", "password")
    assert {name: value for name in names if (value := getattr(chosen, name))} == sent


@pytest.mark.parametrize(
    ("url", "pin", "may"),
    [
        ("ws://127.0.0.1:1", None, True),
        ("ws://[::1]:1", None, True),
        ("ws://localhost:1", None, True),
        ("ws://gateway.example:1", None, False),
        ("wss://gateway.example:1", None, False),
        ("wss://gateway.example:1", "ab" * 32, True),
    ],
)
def test_only_a_trusted_gateway_gets_the_device_token_as_second_try(
    url: str, pin: str | None, may: bool
) -> None:
    error = HandshakeRefusedError({"details": MAY_RETRY})
    assert may_retry_with_device_token(options(url, tls_fingerprint=pin), error) is may


class Decision:
    """A gateway with a token list of its own."""

    def __init__(self, *good: str, issue: str | None = None) -> None:
        self._good = good
        self._issue = issue

    def __call__(self, params: dict[str, Any]) -> dict[str, Any]:
        auth = params.get("auth", {})
        if not {auth.get("token"), auth.get("deviceToken")} & set(self._good):
            if "deviceToken" in auth:
                raise RefusalError("INVALID_REQUEST", "no", {"code": "AUTH_DEVICE_TOKEN_MISMATCH"})
            raise RefusalError("INVALID_REQUEST", "no", MAY_RETRY)
        return hello(device_token=self._issue)


async def test_the_token_of_hello_is_kept_and_used_next_time(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    async with StubGateway(Decision("shared", "issued", issue="issued")) as gateway:
        await (await connect_with_tokens(options(gateway.url, token="shared"), tokens)).close()
        assert tokens.get(gateway.url, IDENTITY.device_id, "node") == "issued"
        await (await connect_with_tokens(options(gateway.url), tokens)).close()
        assert [sent["auth"] for sent in gateway.connects] == [{"token": "shared"}, {"deviceToken": "issued"}]


async def test_a_stale_shared_token_is_followed_by_the_stored_one_once(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    async with StubGateway(Decision("stored")) as gateway:
        tokens.put(gateway.url, IDENTITY.device_id, "node", "stored")
        await (await connect_with_tokens(options(gateway.url, token="stale"), tokens)).close()
        assert [sent["auth"] for sent in gateway.connects] == [{"token": "stale"}, {"deviceToken": "stored"}]


async def test_a_stored_token_that_is_refused_is_forgotten(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    async with StubGateway(Decision("shared")) as gateway:
        tokens.put(gateway.url, IDENTITY.device_id, "node", "rotated away")
        with pytest.raises(HandshakeRefusedError) as caught:
            await connect_with_tokens(options(gateway.url, token="stale"), tokens)
        assert caught.value.detail_code == "AUTH_DEVICE_TOKEN_MISMATCH"
        assert tokens.get(gateway.url, IDENTITY.device_id, "node") is None
        assert len(gateway.connects) == 2


async def test_an_explicit_device_token_that_is_refused_costs_no_stored_one(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    async with StubGateway(Decision("shared")) as gateway:
        tokens.put(gateway.url, IDENTITY.device_id, "node", "good elsewhere")
        with pytest.raises(HandshakeRefusedError):
            await connect_with_tokens(options(gateway.url, device_token="typed wrong"), tokens)
        assert tokens.get(gateway.url, IDENTITY.device_id, "node") == "good elsewhere"


async def test_a_token_file_that_breaks_meanwhile_does_not_end_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")

    def breaking(_params: dict[str, Any]) -> dict[str, Any]:
        tokens.path.write_text("{")
        return hello(device_token="issued")

    async with StubGateway(breaking) as gateway:
        connection = await connect_with_tokens(options(gateway.url, token="t"), tokens)
        await connection.close()
    assert "could not be kept" in caplog.text
