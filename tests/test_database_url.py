"""A database's address: taken as PostgreSQL's own tools do, shown without its secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.config import load_settings
from openclaw_core.database_url import check_database_url, hide_password, secrets_of
from openclaw_core.errors import ConfigError

SECRET = "s3cret-0123"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_is_taken(scheme):
    assert check_database_url(f"{scheme}://u@h:5/d?sslmode=require") == (
        "postgresql+psycopg://u@h:5/d?sslmode=require"
    )


@pytest.mark.parametrize("url", [f"mysql://u:{SECRET}@h/d", SECRET, "", f"sqlite:///{SECRET}"])
def test_another_database_is_refused_without_repeating_it(url, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="give postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as refused:
        load_settings(tmp_path, {"store.url": url})
    assert SECRET not in str(refused.value)
    if url:  # an empty variable counts as not set
        monkeypatch.setenv("OPENCLAW_STORE_URL", url)
        with pytest.raises(
            ConfigError, match=r"OPENCLAW_STORE_URL is not usable: .*give postgresql"
        ) as refused:
            load_settings(tmp_path)
        assert SECRET not in str(refused.value)


def test_the_variable_beats_the_file_and_without_either_it_is_a_file(tmp_path, monkeypatch):
    assert load_settings(tmp_path).database_url == f"sqlite:///{tmp_path}/openclaw.sqlite"
    (tmp_path / "openclaw.json").write_text('{gateway: {store: {url: "postgresql://u@file/d"}}}')
    assert load_settings(tmp_path).database_url == "postgresql+psycopg://u@file/d"
    monkeypatch.setenv("OPENCLAW_STORE_URL", "postgres://u@variable/d")
    assert load_settings(tmp_path).database_url == "postgresql+psycopg://u@variable/d"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql+psycopg://u:{SECRET}@h/d", "postgresql://u:***@h/d"),
        (f"postgresql://u:{SECRET}@{SECRET}@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        (f"postgresql:///d?password={SECRET}&host=/run", "postgresql:///d?password=***&host=/run"),
        (SECRET, "***"),
    ],
)
def test_the_password_is_hidden_wherever_it_stands(url, shown):
    assert hide_password(url) == shown


@given(st.text(st.characters(codec="ascii", exclude_characters="/?#&"), min_size=8))
def test_no_password_gets_through(password):
    url = f"postgresql://user:{password}@host/database"
    assert hide_password(url) == "postgresql://user:***@host/database"
    assert password in secrets_of(url)


def test_an_escaped_password_is_a_secret_in_both_spellings():
    assert set(secrets_of("postgresql://u:p%40ss@h/d?sslpassword=other")) == {"p%40ss", "p@ss", "other"}
