"""The address of a PostgreSQL database as a person writes it, and how to show it without its secret."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator

__all__ = ["DatabaseUrl", "check_database_url", "hide_password", "secrets_of"]

_PARTS = re.compile(r"(?P<scheme>[a-z0-9+]+)://(?:(?P<login>.*)@)?(?P<rest>.*)", re.DOTALL)
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SECRET_OPTIONS = re.compile(r"([?&](?:ssl)?password=)([^&]*)")


def check_database_url(url: str) -> str:
    """The URL as SQLAlchemy takes it.

    Raises:
        ValueError: it is no URL of a PostgreSQL database; the text does not repeat it.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None or parts["scheme"] not in _SCHEMES:
        raise ValueError("give postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    login = f"{parts['login']}@" if parts["login"] is not None else ""
    return f"postgresql+psycopg://{login}{parts['rest']}"


DatabaseUrl = Annotated[str, AfterValidator(check_database_url)]


def hide_password(url: str) -> str:
    """The URL for logs and people: `***` where a password stands."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return "***"
    login = ""
    if parts["login"] is not None:
        user, colon, _ = parts["login"].partition(":")
        login = f"{user}:***@" if colon else f"{user}@"
    rest = _SECRET_OPTIONS.sub(r"\1***", parts["rest"])
    return f"{parts['scheme'].removesuffix('+psycopg')}://{login}{rest}"


def secrets_of(url: str) -> tuple[str, ...]:
    """Every text in the URL that must not be shown, as written and as meant."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return ()
    found = {value for _, value in _SECRET_OPTIONS.findall(parts["rest"])}
    found.add((parts["login"] or "").partition(":")[2])
    return tuple(sorted({text for secret in found for text in (secret, unquote(secret)) if text}))
