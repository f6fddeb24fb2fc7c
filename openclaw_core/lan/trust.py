"""Which advert may be followed: one whose certificate the person vouched for beforehand, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from openclaw_core.errors import ConfigError
from openclaw_core.lan.advert import Advert

__all__ = ["Pins", "UntrustedAdvertError", "choose"]

_HOW = (
    "get it on the gateway's own machine (openclaw gateway status) and give --tls-fingerprint, or pair with "
    "a setup code from there, which carries it: openclaw node run --pair CODE"
)


class UntrustedAdvertError(ConfigError):
    """A gateway was found, and nothing says that it is the right one; nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class Pins:
    """Fingerprints that this machine trusts, each from a person or from a setup code, none from the network.

    Attributes:
        given: by flag or setup code, for this very run; it beats the stored one.
        stored: of the configured gateway.
    """

    given: str | None = None
    stored: str | None = None

    @property
    def trusted(self) -> str | None:
        """The one that counts."""
        return self.given or self.stored

    def knows(self, advert: Advert) -> bool:
        """True when the advert claims the trusted certificate, which the connection then has to show."""
        return advert.tls and advert.fingerprint is not None and advert.fingerprint == self.trusted


def choose(adverts: Iterable[Advert], pins: Pins, name: str | None = None) -> Advert:
    """The advert to follow; the connection is pinned to `pins.trusted`, whatever the advert says.

    Args:
        name: of the wanted gateway; None for whichever claims the trusted certificate.

    Raises:
        UntrustedAdvertError: none is there, or none that claims the trusted certificate.
    """
    found = [advert for advert in adverts if name is None or advert.name == name]
    who = f"a gateway named {name!r}" if name is not None else "a gateway"
    if pins.trusted is None:
        raise UntrustedAdvertError(
            "an address found on the network proves nothing, and no fingerprint of "
            f"{who} is known here; {_HOW}"
        )
    for advert in found:
        if pins.knows(advert):
            return advert
    if not found:
        raise UntrustedAdvertError(
            f"{who} was not found on this network; see who is there: openclaw gateway discover"
        )
    seen = found[0]
    claim = f"certificate {seen.fingerprint}" if seen.tls else "no encryption"
    raise UntrustedAdvertError(
        f"{seen.name!r} at {seen.urls[0]} claims {claim}, trusted is {pins.trusted}: it may be an impostor, "
        f"so nothing was sent to it; if the gateway's certificate was renewed on purpose, {_HOW}"
    )
