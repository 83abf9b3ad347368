"""A home's lists: read whole, or one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import ProfileError
from edge.home import load
from edge.signals import Contacts, Rooms


@pytest.mark.parametrize("name", ["home.toml", "home.json"])
def test_a_home_is_read_from_toml_or_json(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    toml, other = (
        'contacts = ["Ann Power"]\nrooms = []',
        json.dumps({"contacts": ["Ann Power"], "rooms": []}),
    )
    path.write_text(toml if name.endswith("toml") else other)
    assert load(path) == {"contacts": Contacts(("Ann Power",)), "rooms": Rooms(())}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('contact = ["Ann"]', "an unknown signal; did you mean 'contacts'?"),
        ("xyz = []", "an unknown signal; known are contacts"),
        ('contacts = "Ann"', "'contacts' must be a list of texts"),
        ("contacts = [1]", "'contacts' must be a list of texts"),
        ("contacts = [", "no TOML or JSON"),
        (f"contacts = {['a'] * 20_001}", "over 20000 phrases"),
    ],
)
def test_a_home_that_is_no_home_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "home.toml"
    path.write_text(text)
    with pytest.raises(ProfileError) as raised:
        load(path)
    assert said in str(raised.value)
    assert "Ann" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_home_that_is_missing_or_no_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no TOML or JSON"):
        load(tmp_path / "none.toml")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ProfileError, match="no table"):
        load(tmp_path / "list.json")
