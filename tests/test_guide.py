"""docs/plugin-guide.md says of hooks, commands and contexts what their docstrings say."""

import importlib.util
import inspect
from pathlib import Path

import pytest

from openclaw_core.hookspecs import Hooks

SCRIPT = Path(__file__).parents[1] / "docs" / "guide.py"


@pytest.fixture(scope="module")
def script():
    """The generator, which is no package."""
    spec = importlib.util.spec_from_file_location("plugin_guide", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script):
    page = script.PAGE.read_text("utf-8")
    assert page == script.render(page), "run: python docs/guide.py"


def test_every_hook_is_on_it(script):
    page = script.PAGE.read_text("utf-8")
    hooks = [
        name for name, _ in inspect.getmembers(Hooks, inspect.isfunction) if name.startswith("openclaw_")
    ]
    assert len(hooks) > 10
    assert [name for name in hooks if f"`{name}`" not in page] == []
