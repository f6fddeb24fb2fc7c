"""TLS of the gateway itself: made or given, pinned, refused: PROTOCOL 1.1, `gateway.tls`."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest
from websockets.asyncio.client import connect as open_websocket

from openclaw_core.auth.certificates import certificate_fingerprint
from openclaw_core.client import ConnectOptions, connect, load_or_create_identity
from openclaw_core.client.tls import CertificateMismatchError, pinned_context
from openclaw_core.config import load_settings
from openclaw_core.errors import ConfigError
from openclaw_core.gateway.tls import prepare_certificate
from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.testing import TOKEN

pytestmark = pytest.mark.anyio

TLS = {"tls.enabled": True}


def secure_url(gateway):
    return gateway.url.replace("ws://", "wss://")


def fingerprint_of(gateway):
    return gateway.server.gateway.runtime.tls_fingerprint


async def operator(gateway, fingerprint, **changes):
    options = ConnectOptions(
        url=secure_url(gateway),
        token=TOKEN,
        scopes=("operator.admin",),
        tls_fingerprint=fingerprint,
        **changes,
    )
    return await connect(options)


async def test_a_certificate_is_made_once_and_pinned(start, tmp_path):
    gateway = await start(TLS)
    cert, key = gateway.settings.certificate_files
    assert (cert.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o600, 0o600)
    fingerprint = fingerprint_of(gateway)
    assert fingerprint == certificate_fingerprint(cert.read_text())
    connection = await operator(gateway, fingerprint)
    answer = await connection.request("node.list", {})
    assert answer["nodes"] == []
    await connection.close()
    again = prepare_certificate(gateway.settings)
    assert again is not None
    assert again.fingerprint == fingerprint


async def test_a_wrong_pin_learns_nothing(start):
    gateway = await start(TLS)
    with pytest.raises(CertificateMismatchError) as refused:
        await operator(gateway, "ab" * 32)
    assert fingerprint_of(gateway) in str(refused.value)
    assert not gateway.server.gateway.connections


async def test_without_a_pin_an_own_certificate_is_not_trusted(start):
    gateway = await start(TLS)
    with pytest.raises(ConfigError, match="--tls-fingerprint"):
        await operator(gateway, None)


async def test_plain_text_gets_no_answer(start):
    gateway = await start(TLS)
    with pytest.raises(Exception, match=r"valid HTTP response|no close frame|lost"):
        async with open_websocket(gateway.url, proxy=None, open_timeout=5):
            pass


async def test_names_of_this_host_are_in_it(start):
    gateway = await start(TLS)
    cert, _ = gateway.settings.certificate_files
    context = ssl.create_default_context(cafile=str(cert))
    # Trusted as its own authority, the certificate also fits the name and the address.
    for host in ("localhost", "127.0.0.1"):
        url = f"wss://{host}:{gateway.server.port}"
        async with open_websocket(url, ssl=context, proxy=None) as socket:
            assert "connect.challenge" in await socket.recv()


async def test_device_and_node_over_tls(start, tmp_path):
    gateway = await start(TLS)
    identity = load_or_create_identity(tmp_path / "identity.json")
    connection = await operator(gateway, fingerprint_of(gateway), identity=identity)
    assert connection.hello.auth.device_token
    await connection.close()


async def test_a_setup_code_carries_the_pin(start):
    gateway = await start(TLS)
    connection = await operator(gateway, fingerprint_of(gateway))
    for url, pinned in (("wss://gw.example", True), ("ws://127.0.0.1:1", False)):
        issued = await connection.request("device.pair.setupCode", {"publicUrl": url})
        offer = decode_setup_code(issued["setupCode"])
        assert (offer.tls_fingerprint == fingerprint_of(gateway)) is pinned
    await connection.close()


async def test_old_protocol_versions_are_refused(start):
    gateway = await start(TLS)
    context = pinned_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        async with open_websocket(secure_url(gateway), ssl=context, proxy=None):
            pass


# What cannot be served


def refusal(directory, overrides):
    with pytest.raises(ConfigError) as caught:
        prepare_certificate(load_settings(directory, {"tls.enabled": True, **overrides}))
    return str(caught.value)


def test_off_means_none(tmp_path):
    assert prepare_certificate(load_settings(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_missing_certificate(tmp_path):
    text = refusal(tmp_path, {"tls.autoGenerate": False})
    assert "gateway-cert.pem does not exist" in text
    assert "autoGenerate" in text


def test_half_a_pair(tmp_path):
    assert "gateway.tls.keyPath: set both" in refusal(tmp_path, {"tls.certPath": str(tmp_path / "c.pem")})


def test_a_key_of_another_certificate(tmp_path):
    for name in ("one", "two"):
        prepare_certificate(load_settings(tmp_path / name, {"tls.enabled": True}))
    cert = load_settings(tmp_path / "one").certificate_files[0]
    key = load_settings(tmp_path / "two").certificate_files[1]
    text = refusal(tmp_path, {"tls.certPath": str(cert), "tls.keyPath": str(key)})
    assert "is not the key of" in text


def test_no_certificate_in_the_file(tmp_path):
    (tmp_path / "c.pem").write_text("hello")
    (tmp_path / "k.pem").write_text("hello")
    given = {"tls.certPath": str(tmp_path / "c.pem"), "tls.keyPath": str(tmp_path / "k.pem")}
    assert "-----BEGIN CERTIFICATE-----" in refusal(tmp_path, given)


def test_without_the_extra_the_cure_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert "pip install 'openclaw-core[tls]'" in refusal(tmp_path, {})


def test_the_heavy_package_is_loaded_only_to_make_one(tmp_path):
    prepare_certificate(load_settings(tmp_path, {"tls.enabled": True}))
    script = (
        "import sys; from pathlib import Path; from openclaw_core.config import load_settings;"
        "from openclaw_core.gateway.tls import prepare_certificate;"
        "prepare_certificate(load_settings(Path(sys.argv[1]), {'tls.enabled': True}));"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "False"
