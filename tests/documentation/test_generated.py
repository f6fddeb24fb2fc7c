"""What the site's pages get from the code is all there is."""

from __future__ import annotations

import pytest

from docs.generators import architecture, cli, errors, families, fill, settings
from openclaw_core.config import Environment, GatewayConfig
from tests.documentation.blocks import DOCS


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    found, told = errors.codes().keys(), errors.entries().keys()
    assert len(found) > 100
    unexplained = found - told - errors.strangers()
    assert sorted(unexplained) == [], "explain it in docs/troubleshooting.toml, or name it in its strangers"
    assert sorted((told | errors.strangers()) - found) == [], "nobody says it any more: remove it there"


def test_entries_say_what_to_do() -> None:
    thin = [name for name, entry in errors.entries().items() if not entry["means"].endswith(".")
            or not entry["do"].endswith((".", "`"))]  # fmt: skip
    assert thin == []
    page = errors.reference("")
    assert [name for name in errors.entries() if f"`{name}`" not in page] == []


def test_commands_in_entries_exist() -> None:
    known = {name for name, _ in cli.commands()}
    wrong = [
        (name, typed)
        for name, entry in errors.entries().items()
        for typed in entry["do"].split("`")[1::2]
        if typed.startswith("openclaw ") and not any(typed.startswith(item) for item in known)
    ]
    assert wrong == []


def test_every_setting_and_variable_is_explained() -> None:
    texts = settings.meanings()
    assert set(settings.keys(GatewayConfig)) == texts["keys"].keys()
    free = {name for name, key in settings.variables().items() if key is None}
    assert free == texts["variables"].keys()
    assert len(settings.variables()) == len(Environment.model_fields)
    page = settings.reference("")
    assert [key for key in texts["keys"] if f"`{key}`" not in page] == []


def test_every_command_a_person_can_type_is_there() -> None:
    page = cli.reference("")
    names = [name for name, _ in cli.commands()]
    assert {"openclaw up", "openclaw nodes invoke", "openclaw doctor"} <= set(names)
    assert [name for name in names if f"## {name}\n" not in page] == []
    options = [option for _, command in cli.commands() for item in command.params for option in item.opts]
    shown = [name for name in options if name.startswith("--") and name != "--help"]
    assert [name for name in shown if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", sorted(families.own_families()))
def test_each_family_has_a_page_with_every_command(name: str) -> None:
    page = fill((DOCS / "families" / f"{name}.md").read_text("utf-8"))
    for item in families.own_families()[name].commands:
        assert f"### {item.name}\n" in page
        fields = [*item.params.model_fields.items(), *item.result.model_fields.items()]
        absent = [key for key, field in fields if f"`{field.alias or key}" not in page]
        assert absent == [], item.name


def test_the_picture_has_every_room_and_arrow() -> None:
    picture = architecture.arrows("")
    rooms = [room for floor in architecture.floors() for room in floor]
    assert [room for room in rooms if f">{room}</text>" not in picture] == []
    arrows = architecture.imports()
    assert ("cli", "client") in arrows
    shown = [pair for pair in arrows if pair[1] != architecture.EVERYBODYS]
    assert [pair for pair in shown if f"{pair[0]} imports {pair[1]}" not in picture] == []
    page = (DOCS / "architecture.md").read_text("utf-8")
    assert [room for room in rooms if f"`{room}`" not in page] == []
    level = {room: index for index, floor in enumerate(architecture.floors()) for room in floor}
    assert [pair for pair in arrows if level[pair[0]] >= level[pair[1]]] == []
