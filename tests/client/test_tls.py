"""TLS: a pin accepts one certificate, self-signed or not, and nothing is sent to any other."""

from __future__ import annotations

import hashlib
import ssl

import pytest

from openclaw_core.client import ConnectOptions, connect
from openclaw_core.client.tls import CertificateMismatchError, normalize_fingerprint
from openclaw_core.errors import ConfigError
from tests.client.stub import CERTIFICATE, StubGateway

pytestmark = pytest.mark.anyio

_PEM = CERTIFICATE.read_text()
FINGERPRINT = hashlib.sha256(ssl.PEM_cert_to_DER_cert(_PEM[_PEM.index("-----BEGIN CERT") :])).hexdigest()
WITH_COLONS = ":".join(FINGERPRINT[i : i + 2] for i in range(0, 64, 2)).upper()


@pytest.mark.parametrize("pin", [FINGERPRINT, WITH_COLONS, f"sha256:{FINGERPRINT}"])
async def test_the_pinned_certificate_is_accepted(pin: str) -> None:
    async with StubGateway(tls=True) as gateway:
        connection = await connect(ConnectOptions(url=gateway.url, token="t", tls_fingerprint=pin))
        await connection.close()
        assert gateway.connects[0]["auth"] == {"token": "t"}


async def test_another_certificate_gets_nothing() -> None:
    wrong = "ab" * 32
    async with StubGateway(tls=True) as gateway:
        with pytest.raises(CertificateMismatchError) as caught:
            await connect(ConnectOptions(url=gateway.url, token="secret", tls_fingerprint=wrong))
        assert wrong in str(caught.value)
        assert FINGERPRINT in str(caught.value)
        assert gateway.upgrades == 0


async def test_without_a_pin_a_self_signed_certificate_is_refused() -> None:
    async with StubGateway(tls=True) as gateway:
        with pytest.raises(ConfigError, match="--tls-fingerprint"):
            await connect(ConnectOptions(url=gateway.url, token="secret"))
        assert gateway.upgrades == 0


async def test_a_pin_without_tls_is_refused() -> None:
    with pytest.raises(ConfigError, match="use wss://"):
        await connect(ConnectOptions(url="ws://127.0.0.1:9", tls_fingerprint=FINGERPRINT))


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, FINGERPRINT + "00"])
def test_a_pin_that_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ConfigError, match="64 hex digits"):
        normalize_fingerprint(text)
