"""The house rules that a linter does not hold: DESIGN's `Ways of writing`."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "openclaw_core"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_TEST_LINES = 60
# The one bounded poll over foreign programs, which tell nobody when they are done.
PAUSING = "tests/interop/process.py"
LEFT_FOR_LATER = re.compile(
    r"\b(?:TODO|FIXME|XXX)\b|raise NotImplementedError|except Exception(?: as \w+)?:\s*pass\b"
)


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path):
    return str(path.relative_to(ROOT))


def packages():
    """Every package of the repository: its import name and its folder."""
    found = [("openclaw_core", CORE)]
    found += [(path.parent.name, path.parent) for path in (ROOT / "plugins").glob("*/openclaw_*/__init__.py")]
    return found


def modules():
    """Import name → file, of everything that is installed."""
    found = {}
    for name, folder in packages():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            dotted = ".".join((name, *(part for part in parts if part != "__init__")))
            found[dotted] = path
    return found


MODULES = modules()
# alembic runs these by path; they are no one's import.
SCRIPTS = ("openclaw_core.__main__", "openclaw_core.store.migrations.env")
IMPORTED = sorted(name for name in MODULES if name not in SCRIPTS and ".versions." not in name)


def test_the_walk_finds_the_house():
    assert {"openclaw_core.plugins", "openclaw_host_commands"} <= MODULES.keys()
    assert len(MODULES) > 100


@pytest.mark.parametrize("word", ["system.run", "camera", "canvas", "host_commands"])
def test_core_knows_no_family(word):
    pattern = re.compile(word, re.IGNORECASE)  # as `grep -ri` reads it
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in sorted(CORE.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_all_names_exist_and_none_is_missing():
    wrong = []
    for name in IMPORTED:
        module = importlib.import_module(name)
        exported = getattr(module, "__all__", None)
        if exported is None:
            wrong += [f"{name}.{item}: no __all__" for item in defined_in(MODULES[name]) if item[0] != "_"]
            continue
        assert len(set(exported)) == len(exported), name
        wrong += [f"{name}.{item}: in __all__ only" for item in exported if not hasattr(module, item)]
    assert wrong == []


def defined_in(path):
    """Functions and classes at the top of a module."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node.name for node in tree.body if isinstance(node, kinds)]


def test_modules_take_only_what_others_offer():
    """What one module imports from another stands in the other's `__all__`."""
    taken = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            # Constants of the wire contract are read as a whole.
            if not isinstance(node, ast.ImportFrom) or node.module in (None, "openclaw_core.protocol.limits"):
                continue
            if node.module not in MODULES or node.level:
                continue
            exported = getattr(importlib.import_module(node.module), "__all__", ())
            taken += [
                f"{name} takes {node.module}.{alias.name}"
                for alias in node.names
                if alias.name not in exported and f"{node.module}.{alias.name}" not in MODULES
            ]
    assert taken == []


def test_sizes():
    too_big = []
    for path in sources("openclaw_core", "plugins", "tests", "bench"):
        text = path.read_text("utf-8")
        if (lines := len(text.splitlines())) > MAX_FILE_LINES:
            too_big.append(f"{named(path)}: {lines} lines")
        limit = MAX_TEST_LINES if "tests" in path.relative_to(ROOT).parts else MAX_FUNCTION_LINES
        too_big += [f"{named(path)}: {text}" for text in long_functions(text, limit)]
    assert too_big == []


def long_functions(text, limit):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (length := (node.end_lineno or 0) - node.lineno + 1) > limit:
            yield f"{node.name} has {length} lines"


def test_tests_never_sleep():
    """`sleep(0)` gives way to the event loop; anything longer waits for luck."""
    slept = [
        f"{named(path)}:{node.lineno}"
        for path in sources("tests", "plugins")
        if "tests" in path.relative_to(ROOT).parts and named(path) != PAUSING
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and is_sleep(node.func) and not is_zero(node.args)
    ]
    assert slept == []


def is_sleep(function):
    owner = function.value if isinstance(function, ast.Attribute) else None
    owned = isinstance(owner, ast.Name) and owner.id in ("asyncio", "time", "anyio")
    return owned and function.attr == "sleep"


def is_zero(arguments):
    return len(arguments) == 1 and isinstance(arguments[0], ast.Constant) and arguments[0].value == 0


def test_nothing_is_left_for_later():
    left = [
        f"{named(path)}: {found}"
        for path in sources("openclaw_core", "plugins", "bench", "tests")
        if path != Path(__file__)
        for found in LEFT_FOR_LATER.findall(path.read_text("utf-8"))
    ]
    assert left == []
