"""The fingerprint people compare and clients pin (PROTOCOL 1.1). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

__all__ = ["certificate_fingerprint"]

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificate_fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate in a PEM text: 64 lower-case hex digits.

    Raises:
        ValueError: there is no certificate in it.
    """
    found = _FIRST.search(pem)
    if found is None:
        raise ValueError("no certificate in this file: it must be PEM, with -----BEGIN CERTIFICATE-----")
    try:
        der = base64.b64decode("".join(found.group(1).split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the certificate in this file is damaged: {error}") from None
    return hashlib.sha256(der).hexdigest()
