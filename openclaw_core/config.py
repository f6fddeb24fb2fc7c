"""Settings: flags, then environment, then `openclaw.json` (JSON5), then defaults (PROTOCOL 24).

Keys under `gateway` have the original's names. Keys of other programs at the top level are
left alone; a key under `gateway` that nobody knows is an error that names the nearest one.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, SettingsConfigDict

from openclaw_core.config_file import describe_setting, read_document, why_unreadable
from openclaw_core.database_url import DatabaseUrl
from openclaw_core.errors import ConfigError
from openclaw_core.foreign_keys import FOREIGN_KEYS
from openclaw_core.lan.settings import DiscoveryConfig, read_discovery
from openclaw_core.private_directory import make_private_directory
from openclaw_core.protocol import limits

__all__ = ["GatewayConfig", "RateLimitConfig", "Settings", "load_settings", "write_private_file"]

AuthMode = Literal["token", "password", "none", "trusted-proxy"]


def _check_network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


Networks = tuple[Annotated[str, AfterValidator(_check_network)], ...]
"""Addresses and networks, e.g. `192.168.1.7` and `10.0.0.0/8`."""


class Section(BaseModel):
    """A part of `gateway`: camelCase keys; unknown ones are reported, not guessed."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True, populate_by_name=True)


class RateLimitConfig(Section):
    """`gateway.auth.rateLimit` (chapter 17); times in milliseconds."""

    max_attempts: Annotated[int, Field(ge=1)] = 10
    window_ms: Annotated[int, Field(ge=1)] = 60_000
    lockout_ms: Annotated[int, Field(ge=1)] = 300_000
    exempt_loopback: bool = True


class TrustedProxyConfig(Section):
    """`gateway.auth.trustedProxy`: identity headers that only `gateway.trustedProxies` may send (5.1).

    Users in `allowUsers` may also pair operator devices without a second approval (6.4);
    `allowLoopback` believes a proxy on this host, whom any local program could imitate.
    """

    user_header: str | None = None
    required_headers: tuple[str, ...] = ()
    allow_users: tuple[str, ...] = ()
    allow_loopback: bool = False


class AuthConfig(Section):
    """`gateway.auth` (chapter 5).

    `allowV2Signatures` is ours: a v2 signature binds neither platform nor family (27, row 29).
    """

    mode: AuthMode | None = None
    token: str | None = None
    password: str | None = None
    rate_limit: RateLimitConfig = RateLimitConfig()
    trusted_proxy: TrustedProxyConfig = TrustedProxyConfig()
    allow_v2_signatures: bool = True


class RemoteConfig(Section):
    """`gateway.remote`: where the CLI finds a gateway on another machine."""

    url: str | None = None
    token: str | None = None
    password: str | None = None
    tls_fingerprint: str | None = None


class TlsConfig(Section):
    """`gateway.tls`: a given certificate, or one made at the first start; paths of PEM files."""

    enabled: bool = False
    auto_generate: bool = True
    cert_path: Path | None = None
    key_path: Path | None = None


class ControlUiConfig(Section):
    """`gateway.controlUi`: is the page served, and from which other origins browsers may connect."""

    enabled: bool = True
    allowed_origins: tuple[str, ...] = ()


class PairingConfig(Section):
    """`gateway.nodes.pairing` (6.3, 6.4); `requestTtlMs` is ours, in milliseconds."""

    auto_approve_local: bool = True
    auto_approve_cidrs: Networks = ()
    request_ttl_ms: Annotated[int, Field(ge=1_000, le=604_800_000)] = limits.PAIR_REQUEST_TTL_MS


class CommandsConfig(Section):
    """`gateway.nodes.commands` (9.3): exact command names."""

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


class NodesConfig(Section):
    """`gateway.nodes`."""

    pairing: PairingConfig = PairingConfig()
    commands: CommandsConfig = CommandsConfig()
    allow_commands: frozenset[str] = frozenset()  # spelling before 2026.7
    deny_commands: frozenset[str] = frozenset()

    @property
    def allowed(self) -> frozenset[str]:
        """Commands the operator opted in by name."""
        return self.commands.allow | self.allow_commands

    @property
    def denied(self) -> frozenset[str]:
        """Commands the operator refuses by name; beats every allowance."""
        return self.commands.deny | self.deny_commands


class StoreConfig(Section):
    """`gateway.store`, ours: a PostgreSQL database instead of the file in the state directory."""

    url: DatabaseUrl | None = None


class GatewayConfig(Section):
    """`gateway`."""

    mode: Literal["local", "remote"] | None = None
    port: Annotated[int, Field(ge=0, le=65_535)] = 18_789
    bind: str = "loopback"
    custom_bind_host: str | None = None
    auth: AuthConfig = AuthConfig()
    remote: RemoteConfig = RemoteConfig()
    control_ui: ControlUiConfig = ControlUiConfig()
    tls: TlsConfig = TlsConfig()
    nodes: NodesConfig = NodesConfig()
    store: StoreConfig = StoreConfig()
    trusted_proxies: Networks = ()
    handshake_timeout_ms: Annotated[int, Field(ge=1)] = limits.HANDSHAKE_TIMEOUT_MS


class Environment(BaseSettings):
    """The `OPENCLAW_*` variables this project reads; an empty one counts as not set."""

    model_config = SettingsConfigDict(env_prefix="OPENCLAW_", env_ignore_empty=True, extra="ignore")

    state_dir: Path | None = None
    config_path: Path | None = None
    gateway_token: str | None = None
    gateway_password: str | None = None
    gateway_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    store_url: DatabaseUrl | None = None
    handshake_timeout_ms: Annotated[int, Field(ge=1)] | None = None
    max_preauth_connections_per_ip: Annotated[int, Field(ge=1)] = limits.MAX_UNAUTHENTICATED_PER_IP
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    mdns_interfaces: str = ""


class Settings:
    """Everything a process of this project is told, resolved once.

    Attributes:
        state_dir: where identity, database and secrets live.
        config_path: the `openclaw.json` that was read, whether or not it exists.
        gateway: the `gateway` section with flags and environment applied.
        environment: the variables as they were.
        discovery: the `discovery` section.
    """

    def __init__(
        self,
        state_dir: Path,
        config_path: Path,
        gateway: GatewayConfig,
        environment: Environment,
        discovery: DiscoveryConfig,
    ) -> None:
        self.state_dir = state_dir
        self.config_path = config_path
        self.gateway = gateway
        self.environment = environment
        self.discovery = discovery

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the gateway's state."""
        return self.gateway.store.url or f"sqlite:///{self.state_dir / 'openclaw.sqlite'}"

    @property
    def token_file(self) -> Path:
        """Where the first start of a gateway leaves the token it minted (0600)."""
        return self.state_dir / "gateway-token"

    @property
    def auth_mode(self) -> AuthMode:
        """The configured mode; without one, `password` when only a password is set, else `token`."""
        auth = self.gateway.auth
        return auth.mode or ("password" if auth.password and not auth.token else "token")

    @property
    def bind_host(self) -> str:
        """The address to listen on."""
        bind = self.gateway.bind
        if bind == "loopback":
            return "127.0.0.1"
        if bind in ("lan", "auto"):
            return "0.0.0.0"  # noqa: S104 — `lan` means every interface, and start-up demands auth for it
        if bind == "custom":
            if not self.gateway.custom_bind_host:
                raise ConfigError('gateway.bind is "custom": set gateway.customBindHost to the address')
            return self.gateway.custom_bind_host
        if bind == "tailnet":
            raise ConfigError(
                'gateway.bind "tailnet" is not supported; give the tailnet address: --bind 100.x.y.z'
            )
        return bind

    @property
    def binds_loopback_only(self) -> bool:
        """True when no other machine can reach the gateway."""
        host = self.bind_host
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def local_url(self) -> str:
        """WebSocket URL that clients on this machine use when they are told none."""
        if self.gateway.mode == "remote" and self.gateway.remote.url:
            return self.gateway.remote.url
        return self.own_url(self.gateway.port)

    def own_url(self, port: int) -> str:
        """WebSocket URL of this machine's own gateway for programs beside it, when it has this port."""
        host = self.bind_host
        host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        scheme = "wss" if self.gateway.tls.enabled else "ws"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def certificate_files(self) -> tuple[Path, Path]:
        """Where the gateway's certificate and key are, or will be made."""
        tls, own = self.gateway.tls, self.state_dir / "tls"
        return tls.cert_path or own / "gateway-cert.pem", tls.key_path or own / "gateway-key.pem"

    def local_token(self) -> str | None:
        """The shared token as flags, environment, config or the minted file give it."""
        if self.gateway.mode == "remote" and self.gateway.remote.token:
            return self.gateway.remote.token
        if self.gateway.auth.token:
            return self.gateway.auth.token
        try:
            return self.token_file.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{self.token_file} cannot be read: {why_unreadable(error)}; make it readable for this "
                "user, or delete it, and the next start of the gateway makes a new token"
            ) from None

    def local_password(self) -> str | None:
        """The shared password as flags, environment or config give it."""
        if self.gateway.mode == "remote" and self.gateway.remote.password:
            return self.gateway.remote.password
        return self.gateway.auth.password

    def mint_token(self) -> tuple[str, bool]:
        """The shared token, made and stored (0600) when there is none; True when it is new."""
        known = self.local_token()
        if known:
            return known, False
        token = secrets.token_urlsafe(32)
        try:
            write_private_file(self.token_file, (token + "\n").encode())
        except OSError as error:
            raise ConfigError(
                f"cannot write {self.token_file}: {why_unreadable(error)}; make its directory writable "
                "for this user, or choose another one with OPENCLAW_STATE_DIR"
            ) from None
        return token, True


def load_settings(state_dir: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Read the environment and `openclaw.json`.

    Args:
        state_dir: instead of `OPENCLAW_STATE_DIR` (default `~/.openclaw`).
        overrides: dotted keys below `gateway`, e.g. `{"port": 0, "auth.mode": "none"}`;
            None values are skipped. They beat the environment, which beats the file.

    Raises:
        ConfigError: unreadable file, unknown key, impossible value; the text names it.
    """
    try:
        environment = Environment()
    except ValidationError as error:
        raise ConfigError(describe_setting("environment variable OPENCLAW_", error, upper=True)) from None
    state = (state_dir or environment.state_dir or Path.home() / ".openclaw").expanduser().absolute()
    path = (environment.config_path or state / "openclaw.json").expanduser()
    section = _read_gateway_section(path)
    for source in (_from_environment(environment), overrides or {}):
        for key, value in source.items():
            if value is not None:
                _put(section, key, value)
    try:
        # Python's spellings are for Python code: in the file they are misspelt keys.
        gateway = GatewayConfig.model_validate(section, by_alias=True, by_name=False)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        place = "command line" if (overrides or {}).get(key) is not None else str(path)
        raise ConfigError(describe_setting(f"{place}: gateway.", error)) from None
    _refuse_unknown_keys(gateway, "gateway", path)
    discovery = read_discovery(str(path), read_document(path).get("discovery", {}))
    return Settings(state, path, gateway, environment, discovery)


def _from_environment(environment: Environment) -> dict[str, Any]:
    return {
        "auth.token": environment.gateway_token,
        "auth.password": environment.gateway_password,
        "port": environment.gateway_port,
        "store.url": environment.store_url,
        "handshakeTimeoutMs": environment.handshake_timeout_ms,
    }


def _read_gateway_section(path: Path) -> dict[str, Any]:
    section = read_document(path).get("gateway", {})
    if not isinstance(section, dict):
        raise ConfigError(f'{path}: "gateway" must be an object, e.g. {{"gateway": {{"port": 18789}}}}')
    return section


def _put(section: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for name in parents:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise ConfigError(f"gateway.{dotted}: {name!r} must be an object in openclaw.json")
    section[last] = value


def _refuse_unknown_keys(section: Section, where: str, path: Path) -> None:
    known = {field.alias or name for name, field in type(section).model_fields.items()}
    for key in section.model_extra or {}:
        if key in FOREIGN_KEYS.get(where, ()):
            continue
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(sorted(known))}"
        raise ConfigError(f"{path}: unknown key {where}.{key}{hint}")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            _refuse_unknown_keys(value, f"{where}.{field.alias or name}", path)


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file only its owner can read, atomically; its directory is made 0700.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    make_private_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
