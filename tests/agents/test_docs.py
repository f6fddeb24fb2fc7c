"""What docs/python-client.md shows is run as it stands, as a program of its own."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python-client.md"
PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.anyio


async def test_the_example_of_the_python_client(gateway, start_node, env):
    await start_node()
    (program,) = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    body = program[program.index("async with") : program.index("\n\nasyncio.run")]
    assert len(body.splitlines()) <= 10
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=env, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    first, *rest = out.decode().splitlines()
    assert first.startswith("Desk linux ('demo.count', ")
    assert any("'exitCode': 0" in line for line in rest)
    assert "Linux" in rest
