"""For tests of this project and of capability families: a real gateway, real nodes, raw sockets.

`TestGateway` is the gateway itself on a free loopback port, with its state in a directory of
the test. `FakeNode` is a node on it that runs a family's commands, or gives recorded answers.
`Wire` is one raw socket that says exactly what a test wants it to say.
"""

from openclaw_core.testing.gateway import FakeClock, TestGateway, plugins_of
from openclaw_core.testing.node import FakeNode
from openclaw_core.testing.wire import (
    ADMIN,
    PATIENCE_SECONDS,
    TOKEN,
    FakeDevice,
    Wire,
    node_params,
    now_ms,
    operator_params,
)

__all__ = [
    "ADMIN",
    "PATIENCE_SECONDS",
    "TOKEN",
    "FakeClock",
    "FakeDevice",
    "FakeNode",
    "TestGateway",
    "Wire",
    "node_params",
    "now_ms",
    "operator_params",
    "plugins_of",
]
