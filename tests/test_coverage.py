"""docs/protocol-coverage.md holds: every method and event has a test that says so."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "coverage.py"


@pytest.fixture(scope="module")
def script():
    """The generator, which is no package."""
    spec = importlib.util.spec_from_file_location("protocol_coverage", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def coverage(script):
    return script.collect()


def test_every_method_and_event_has_a_test(coverage):
    untested = sorted(coverage.provided - coverage.tests.keys())
    assert untested == [], 'mark the test: pytest.mark.covers("<name>")'


def test_every_mark_names_something_that_exists(coverage):
    unknown = {name: files for name, files in coverage.tests.items() if name not in coverage.provided}
    assert unknown == {}


def test_every_name_of_the_original_is_here_or_accounted_for(script, coverage):
    missing = script.CONTRACT - coverage.provided - script.ELSEWHERE.keys()
    assert sorted(missing) == [], "provide it, or say in ELSEWHERE why not"


def test_nothing_is_both_here_and_elsewhere(script, coverage):
    assert sorted(coverage.provided & script.ELSEWHERE.keys()) == []


def test_the_page_is_up_to_date(script, coverage):
    assert script.PAGE.read_text("utf-8") == script.render(coverage), "run: python docs/coverage.py"
