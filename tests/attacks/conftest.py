"""The gateways of the other suite: attackers get nothing special."""

from tests.gateway.conftest import start

__all__ = ["start"]
