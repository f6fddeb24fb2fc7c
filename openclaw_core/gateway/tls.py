"""The gateway's certificate: given, or made at the first start (PROTOCOL 1.1, 24 `gateway.tls`)."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from openclaw_core.auth.certificates import certificate_fingerprint
from openclaw_core.config import Settings, write_private_file
from openclaw_core.errors import ConfigError

__all__ = ["Certificate", "prepare_certificate"]

# Clients pin this very certificate; replacing it would lock them out, expiry protects nobody.
_LIFETIME = datetime.timedelta(days=3650)
# A clock that is a little behind must not call a new certificate "not yet valid".
_BACKDATED = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files that uvicorn serves with, and the SHA-256 that clients pin."""

    cert_file: Path
    key_file: Path
    fingerprint: str


def prepare_certificate(settings: Settings) -> Certificate | None:
    """The certificate to serve with; None when TLS is off. It is made if it may be and is missing.

    Raises:
        ConfigError: a file is missing, unreadable, or does not fit the other.
    """
    tls = settings.gateway.tls
    if not tls.enabled:
        return None
    if (tls.cert_path is None) != (tls.key_path is None):
        given, missing = ("certPath", "keyPath") if tls.cert_path is not None else ("keyPath", "certPath")
        raise ConfigError(f"gateway.tls.{given} is set without gateway.tls.{missing}: set both, or neither")
    cert_file, key_file = settings.certificate_files
    if not cert_file.exists() and not key_file.exists():
        if not tls.auto_generate:
            raise ConfigError(
                f"gateway.tls.enabled is true, but {cert_file} does not exist: put a certificate and its key "
                "there, or set gateway.tls.autoGenerate to true"
            )
        _generate(cert_file, key_file, settings)
    return Certificate(cert_file, key_file, _check(cert_file, key_file))


def _check(cert_file: Path, key_file: Path) -> str:
    try:
        fingerprint = certificate_fingerprint(cert_file.read_text("utf-8", errors="replace"))
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert_file, key_file, _refuse_password)
    except ValueError as error:
        raise ConfigError(f"{cert_file}: {error}") from None
    except ssl.SSLError as error:
        raise ConfigError(
            f"{key_file} is not the key of {cert_file} ({error.reason or error}): put the pair there that "
            "belongs together"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the certificate cannot be read: {error.strerror}: {error.filename or key_file}"
        ) from None
    return fingerprint


def _refuse_password() -> str:
    # OpenSSL would ask on the terminal, and a gateway has none.
    raise ValueError("its key is encrypted: store the key without a passphrase (openssl pkey -in … -out …)")


def _generate(cert_file: Path, key_file: Path, settings: Settings) -> None:
    try:
        # Heavy, and needed once in the life of a gateway: it is the extra [tls].
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise ConfigError(
            "making a certificate needs the package cryptography: pip install 'openclaw-core[tls]', or set "
            "gateway.tls.certPath and gateway.tls.keyPath to a certificate you have"
        ) from None
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "openclaw gateway")])
    names: list[x509.GeneralName] = [x509.DNSName(item) for item in _host_names()]
    names += [x509.IPAddress(ipaddress.ip_address(item)) for item in _addresses(settings)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    write_private_file(key_file, encoded)
    write_private_file(cert_file, certificate.public_bytes(serialization.Encoding.PEM))


def _host_names() -> list[str]:
    own = socket.gethostname()
    # A certificate holds ASCII names only; an odd host name is no reason not to serve.
    return ["localhost", *([own] if own.isascii() and 0 < len(own) < 64 else [])]


def _addresses(settings: Settings) -> list[str]:
    try:
        bound = ipaddress.ip_address(settings.bind_host)
    except ValueError:
        return ["127.0.0.1", "::1"]
    return list(dict.fromkeys(["127.0.0.1", "::1", *([] if bound.is_unspecified else [str(bound)])]))
