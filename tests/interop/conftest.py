"""What the modules of the interop suite share: the real programs and the published schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from .peers import Peers, ensure_peers
from .schema import Schema


@pytest.fixture(scope="session")
def peers() -> Peers:
    """The installed real programs; the first use may take some minutes."""
    return ensure_peers()


@pytest.fixture(scope="session")
def schema(peers: Peers) -> Schema:
    return Schema(peers.schema)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A directory for this module's state directories."""
    return tmp_path_factory.mktemp(request.module.__name__.rsplit(".", 1)[-1])
