"""`discovery` of `openclaw.json`, beside `gateway`, as the original has it; only mDNS is read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from openclaw_core.config_file import describe_setting
from openclaw_core.errors import ConfigError
from openclaw_core.lan.advert import MdnsMode

__all__ = ["DiscoveryConfig", "MdnsConfig", "parse_interfaces", "read_discovery"]


class MdnsConfig(BaseModel):
    """`discovery.mdns`: whether the local network is told of the gateway.

    By default it is where other machines reach the gateway and the extra `discovery` is installed.
    """

    model_config = ConfigDict(frozen=True)

    mode: MdnsMode | None = None


class DiscoveryConfig(BaseModel):
    """`discovery`."""

    model_config = ConfigDict(frozen=True)

    mdns: MdnsConfig = MdnsConfig()


def read_discovery(where: str, section: Any) -> DiscoveryConfig:
    """The section as a model.

    Raises:
        ConfigError: an impossible value.
    """
    try:
        return DiscoveryConfig.model_validate(section)
    except ValidationError as error:
        raise ConfigError(describe_setting(f"{where}: discovery.", error)) from None


def parse_interfaces(text: str) -> tuple[str, ...]:
    """Addresses of this machine, as `OPENCLAW_MDNS_INTERFACES` lists them, comma-separated."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
