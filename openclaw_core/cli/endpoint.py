"""Which gateway a command talks to and with which credential (PROTOCOL 21.1, 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from openclaw_core.auth.certificates import certificate_fingerprint
from openclaw_core.auth.origin import is_loopback_name
from openclaw_core.cli.failure import USAGE, CliError
from openclaw_core.config import Settings
from openclaw_core.errors import ConfigError

__all__ = ["Endpoint", "Flags", "choose_endpoint", "is_loopback", "known_pin"]

CONNECT_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Flags:
    """The options every gateway command has, as typed; `timeout_ms` in milliseconds."""

    url: str | None = None
    token: str | None = None
    password: str | None = None
    timeout_ms: int = 30_000
    as_json: bool = False
    tls_fingerprint: str | None = None


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


def choose_endpoint(flags: Flags, settings: Settings) -> Endpoint:
    """Flags, then environment, then config and the token file of a first start.

    With `--url` the config is not asked: its secret belongs to another gateway.

    Raises:
        CliError: `--url` without any credential (exit code 2).
    """
    token, password = _secrets(flags, settings)
    url = flags.url or settings.local_url()
    has_secret = bool(token or password)
    endpoint = Endpoint(
        url=url,
        token=token,
        password=password,
        needs_identity=not has_secret
        or not is_loopback(url)
        or (flags.url is None and settings.auth_mode == "none"),
        state_dir=settings.state_dir,
        connect_timeout_ms=max(1, min(flags.timeout_ms, CONNECT_TIMEOUT_MS)),
        tls_fingerprint=flags.tls_fingerprint or known_pin(settings, url),
    )
    if flags.url and not has_secret and not endpoint.tokens_file.exists():
        raise CliError(
            f"no credential for {flags.url}: with --url, the settings of this machine's own gateway "
            "are not used",
            code="CREDENTIAL_MISSING",
            steps=("add --token TOKEN or --password PASSWORD, or export OPENCLAW_GATEWAY_TOKEN=TOKEN",),
            exit_code=USAGE,
        )
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


def _secrets(flags: Flags, settings: Settings) -> tuple[str | None, str | None]:
    if flags.token or flags.password:
        return flags.token or None, flags.password or None
    if flags.url:
        return settings.environment.gateway_token or None, settings.environment.gateway_password or None
    return settings.local_token(), settings.local_password()


def is_loopback(url: str) -> bool:
    """True when the URL's host is this machine by name or address."""
    return is_loopback_name(urlsplit(url).hostname or "")
