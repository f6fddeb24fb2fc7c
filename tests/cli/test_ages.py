"""Times as people write them."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.cli.ages import age, duration_ms, span

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("passed", "text"),
    [(-5, "just now"), (0, "just now"), (59_999, "just now"), (60_000, "1m ago"), (HOUR - 1, "59m ago"),
     (HOUR, "1h ago"), (24 * HOUR, "1d ago"), (60 * 24 * HOUR, "60d ago")],
)  # fmt: skip
def test_age(passed: int, text: str) -> None:
    assert age(10**12 - passed, 10**12) == text


@pytest.mark.parametrize("value", [None, "x", True, []])
def test_no_time_is_unknown(value: object) -> None:
    assert age(value, 0) == "unknown"


def test_span_of_seconds() -> None:
    assert span(45_000) == "45s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("24h", 24 * HOUR), ("1h30m", HOUR + 1_800_000), ("1.5h", HOUR + 1_800_000), ("7D", 168 * HOUR),
     ("500ms", 500), (" 2w ", 336 * HOUR), ("1h 30m", HOUR + 1_800_000)],
)  # fmt: skip
def test_durations(text: str, expected: int) -> None:
    assert duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "h", "5", "5x", "-5h", "5h!", "1 hour", "٣h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no duration"):
        duration_ms(text)


@given(st.integers(0, 10_000), st.sampled_from(["s", "m", "h", "d"]))
def test_a_span_reads_back(number: int, unit: str) -> None:
    milliseconds = duration_ms(f"{number}{unit}")
    assert 0 <= milliseconds - duration_ms(span(milliseconds)) < max(1, milliseconds) or milliseconds == 0
