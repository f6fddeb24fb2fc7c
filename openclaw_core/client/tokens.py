"""Device tokens a client was given, kept per gateway, device and role (PROTOCOL 3.7, 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from openclaw_core.config import write_private_file
from openclaw_core.errors import ConfigError

__all__ = ["DeviceTokens", "authority_of"]

_FORMAT = 1
_DEFAULT_PORTS = {"ws": 80, "wss": 443}


def authority_of(url: str) -> str:
    """`host:port` of a gateway URL, lower case, default port filled in."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


class DeviceTokens:
    """A JSON file (0600, replaced atomically) of device tokens.

    It is read at each use, so that processes that share it see each other's tokens.
    Every method raises ConfigError when the file is unreadable or broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, url: str, device_id: str, role: str) -> str | None:
        """The token for this device and role at the gateway of `url`."""
        token = self._read().get(authority_of(url), {}).get(device_id, {}).get(role)
        return token if isinstance(token, str) else None

    def put(self, url: str, device_id: str, role: str, token: str) -> None:
        """Keep a token; nothing is written when it is already there."""
        tokens = self._read()
        roles = tokens.setdefault(authority_of(url), {}).setdefault(device_id, {})
        if roles.get(role) != token:
            roles[role] = token
            self._write(tokens)

    def forget(self, url: str, device_id: str, role: str, token: str) -> None:
        """Drop a token that was refused; another process may have kept a newer one meanwhile."""
        tokens = self._read()
        roles = tokens.get(authority_of(url), {}).get(device_id, {})
        if roles.get(role) == token:
            del roles[role]
            self._write(tokens)

    def _read(self) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            document = orjson.loads(self.path.read_bytes())
            tokens: dict[str, dict[str, dict[str, Any]]] = document["tokens"]
            if not all(isinstance(roles, dict) for gateway in tokens.values() for roles in gateway.values()):
                raise ValueError("tokens are not nested by gateway and device")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(
                f"device tokens {self.path} cannot be read: {error.strerror or error}"
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"device tokens {self.path} are broken ({error}); delete the file and connect with the "
                "gateway's token or password to get new ones"
            ) from None
        return tokens

    def _write(self, tokens: dict[str, Any]) -> None:
        document = {"version": _FORMAT, "tokens": tokens}
        try:
            write_private_file(self.path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise ConfigError(
                f"device tokens {self.path} cannot be written: {error.strerror or error}"
            ) from None
