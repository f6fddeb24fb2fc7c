"""What a person hands over to pair a machine: a setup code, or the link that leads to one (PROTOCOL 6.6)."""

from __future__ import annotations

import urllib.error
import urllib.request
from urllib.parse import urlsplit

from pydantic import ValidationError

from openclaw_core.errors import ConfigError, GatewayUnreachableError
from openclaw_core.protocol.setup import SetupPayload, decode_setup_code

__all__ = ["read_offer"]

_TIMEOUT_S = 10
_MAX_BYTES = 16_384


def read_offer(text: str) -> SetupPayload:
    """The content of a setup code, fetched first when `text` is a join link.

    Raises:
        ConfigError: neither a code nor a link that still works.
        GatewayUnreachableError: nobody answers the link.
    """
    text = text.strip()
    if not text.lower().startswith(("http://", "https://")):
        return decode_setup_code(text)
    parts = urlsplit(text)
    place = f"{parts.scheme}://{parts.netloc}/j/…"  # the rest is a secret
    try:
        with urllib.request.urlopen(text, timeout=_TIMEOUT_S) as answer:  # noqa: S310 — http(s), as checked
            return SetupPayload.model_validate_json(answer.read(_MAX_BYTES), by_alias=True, by_name=False)
    except urllib.error.HTTPError as error:
        raise ConfigError(
            f"{place} answered HTTP {error.code}: a join link works once, for 10 minutes; ask for a new one "
            "(openclaw devices setup-code --link)"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError | UnicodeError):
            raise ConfigError(f"{place} is not an OpenClaw join link: use the setup code itself") from None
        raise GatewayUnreachableError(
            f"no gateway answers at {place} ({getattr(error, 'reason', error)}): if its certificate is its "
            "own, use the setup code itself, which carries the fingerprint"
        ) from None
