"""Which gateway a program of this machine talks to, and with which credential (PROTOCOL 21.1, 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from openclaw_core.auth.certificates import certificate_fingerprint
from openclaw_core.auth.origin import is_loopback_name
from openclaw_core.config import Settings
from openclaw_core.errors import ConfigError

__all__ = [
    "CONNECT_TIMEOUT_MS",
    "CredentialMissingError",
    "Endpoint",
    "find_endpoint",
    "is_loopback",
    "known_pin",
]

CONNECT_TIMEOUT_MS = 10_000


class CredentialMissingError(ConfigError):
    """A URL was named, and nothing that proves us there; the settings' secrets are another gateway's."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"no credential for {url}: with --url, the settings of this machine's own gateway are not used"
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A gateway, the credential for it, and where this machine keeps its own identity.

    `needs_identity`: the connection must prove a device, because the peer is not on this
    machine, there is no shared secret, or the gateway has no authentication (5.3).
    """

    url: str
    token: str | None
    password: str | None
    needs_identity: bool
    state_dir: Path
    connect_timeout_ms: int = CONNECT_TIMEOUT_MS
    tls_fingerprint: str | None = None

    @property
    def identity_file(self) -> Path:
        """The device key of this machine."""
        return self.state_dir / "identity" / "device.json"

    @property
    def tokens_file(self) -> Path:
        """Device tokens that gateways gave this machine."""
        return self.state_dir / "identity" / "device-tokens.json"


def find_endpoint(
    settings: Settings,
    *,
    url: str | None = None,
    token: str | None = None,
    password: str | None = None,
    tls_fingerprint: str | None = None,
    connect_timeout_ms: int = CONNECT_TIMEOUT_MS,
) -> Endpoint:
    """What is given here, then environment, then config and the token file of a first start.

    With `url` the config is not asked: its secret belongs to another gateway.

    Raises:
        CredentialMissingError: `url` without any credential.
        ConfigError: this machine's certificate is damaged.
    """
    known = _secrets(settings, url, token, password)
    address = url or settings.local_url()
    has_secret = any(known)
    endpoint = Endpoint(
        url=address,
        token=known[0],
        password=known[1],
        needs_identity=not has_secret
        or not is_loopback(address)
        or (url is None and settings.auth_mode == "none"),
        state_dir=settings.state_dir,
        connect_timeout_ms=connect_timeout_ms,
        tls_fingerprint=tls_fingerprint or known_pin(settings, address),
    )
    if url and not has_secret and not endpoint.tokens_file.exists():
        raise CredentialMissingError(url)
    return endpoint


def known_pin(settings: Settings, url: str) -> str | None:
    """The fingerprint to expect at `url`: the configured one, or that of this machine's own gateway.

    Raises:
        ConfigError: this machine's certificate is damaged.
    """
    if url == settings.gateway.remote.url:
        return settings.gateway.remote.tls_fingerprint
    if not (settings.gateway.tls.enabled and url.startswith("wss://") and is_loopback(url)):
        return None
    cert_file, _ = settings.certificate_files
    try:
        return certificate_fingerprint(cert_file.read_text("utf-8", errors="replace"))
    except OSError:
        return None  # not made yet: the gateway never ran
    except ValueError as error:
        raise ConfigError(f"{cert_file}: {error}") from None


def _secrets(
    settings: Settings, url: str | None, token: str | None, password: str | None
) -> tuple[str | None, str | None]:
    if token or password:
        return token or None, password or None
    if url:
        return settings.environment.gateway_token or None, settings.environment.gateway_password or None
    return settings.local_token(), settings.local_password()


def is_loopback(url: str) -> bool:
    """True when the URL's host is this machine by name or address."""
    return is_loopback_name(urlsplit(url).hostname or "")
