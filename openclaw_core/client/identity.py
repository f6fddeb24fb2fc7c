"""A device's Ed25519 identity and the file that keeps it (PROTOCOL 3.4)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import orjson
from nacl.signing import SigningKey

from openclaw_core.auth.signing import (
    SignedFields,
    decode_base64,
    device_id_of,
    encode_base64url,
    payload_v3,
    sign,
)
from openclaw_core.config import write_private_file
from openclaw_core.errors import ConfigError

__all__ = ["Identity", "load_or_create_identity"]

_FORMAT = 1


class Identity:
    """An Ed25519 key pair made from a 32-byte seed; the seed never leaves this object's file."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        raw = bytes(SigningKey(seed).verify_key)
        self.public_key = encode_base64url(raw)
        self.device_id = device_id_of(raw)

    def __repr__(self) -> str:
        return f"Identity({self.device_id})"

    def sign(self, fields: SignedFields) -> str:
        """Sign the v3 connect payload; 86 characters of base64url."""
        return sign(self._seed, payload_v3(fields))

    def to_document(self) -> dict[str, Any]:
        """What the identity file holds."""
        return {
            "version": _FORMAT,
            "deviceId": self.device_id,
            "publicKey": self.public_key,
            "seed": encode_base64url(self._seed),
        }


def load_or_create_identity(path: Path) -> Identity:
    """The identity kept at `path`; made there (file 0600, directory 0700) when absent.

    Two processes that start at once end up with the same identity.

    Raises:
        ConfigError: the file is unreadable or broken. It is never overwritten, because a
            new key is a new device that people must approve again.
    """
    try:
        return _parse(path, path.read_bytes())
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigError(f"device identity {path} cannot be read: {error.strerror or error}") from None
    return _create(path)


def _create(path: Path) -> Identity:
    identity = Identity(secrets.token_bytes(32))
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        write_private_file(draft, orjson.dumps(identity.to_document(), option=orjson.OPT_INDENT_2))
        try:
            # Unlike a rename, a link fails when a rival process was first.
            os.link(draft, path)
        except FileExistsError:
            return _parse(path, path.read_bytes())
        except OSError:
            draft.replace(path)  # a file system without hard links
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"device identity {path} cannot be written: {error.strerror or error}") from None
    return identity


def _parse(path: Path, data: bytes) -> Identity:
    try:
        document = orjson.loads(data)
        seed = decode_base64(document["seed"])
        if seed is None or len(seed) != 32:
            raise ValueError("seed is not 32 bytes of base64url")
        identity = Identity(seed)
        if document["deviceId"] != identity.device_id:
            raise ValueError("deviceId does not belong to the seed")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"device identity {path} is broken ({_problem(error)}); restore it from a backup, or delete it "
            "to become a new device that must be approved again"
        ) from None
    return identity


def _problem(error: Exception) -> str:
    return f"field {error} is missing" if isinstance(error, KeyError) else str(error)
