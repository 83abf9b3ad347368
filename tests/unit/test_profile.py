from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ProfileError
from edge.profile import load_profile, shipped_profiles

BOARD = '[board]\ntitle = "x"\ncores = 4\nmemory_mb = 427\naes = false\n'
OWN_MODEL = '[engines]\ncontext_model = "/m/own.toml"\ncontext_model_sha256 = "{}"\n'


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "board.toml"
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_profile(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_loads(name: str) -> None:
    assert load_profile(name).board.cores >= 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (BOARD + "[storage]\nttl = 3", ["board.toml [storage]", "'ttl'", "did you mean 'ttl_s'"]),
        (BOARD + "[storage]\nttl_ms = 3000", ["'ttl_ms'", "did you mean 'ttl_s'"]),
        (BOARD + "[storage]\nttl_s = '5 min'", ["'ttl_s' must be a number", "5 min"]),
        (BOARD + "[storage]\nttl_s = true", ["'ttl_s' must be a number"]),
        (BOARD + "[storage]\nttl_s = -1", ["'ttl_s' is -1"]),
        (BOARD + "[storage]\nttl_s = 0", ["'ttl_s' is 0"]),
        (BOARD + "[children]\nencoder_memory_mb = 0", ["'encoder_memory_mb' is 0"]),
        (BOARD + "[engines]\nwake_words = []", ["'wake_words' names nothing"]),
        (BOARD + "[storage]\nttl_s = nan", ["'ttl_s' is nan"]),
        (BOARD + '[storage]\ncipher = "rot13"', ["cipher 'rot13'", "chacha20-poly1305"]),
        (BOARD + '[engines]\ncontext_model = "/m/own.toml"', ["'context_model_sha256'", "64 hex"]),
        (BOARD + OWN_MODEL.format("abc"), ["'context_model_sha256'", "64 hexadecimal"]),
        (BOARD + f'[engines]\ncontext_model_sha256 = "{"0" * 64}"', ["is pinned already"]),
        (BOARD + "[listening]\nvad_mode = 4", ["vad_mode is 0, 1, 2 or 3"]),
        (BOARD + "[lisening]\n", ["unknown key 'lisening'", "did you mean 'listening'"]),
        (BOARD + "[engines]\nwake_words = 'alexa'", ["'wake_words' must be a list of texts"]),
        (BOARD + "storage = 3", ["unknown key 'storage'"]),
        ("storage = 3\n" + BOARD, ["'storage' must be a table"]),
        (BOARD.replace("cores = 4\n", ""), ["board.toml [board]", "'cores' is missing"]),
        (BOARD.replace("4", "4.5", 1), ["'cores' must be a whole number"]),
        ("", ["'board' is missing"]),
        ("[board", ["is not TOML"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text)
    for part in parts:
        assert part in message


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ProfileError, match="did you mean 'laptop'"):
        load_profile("labtop")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile(str(tmp_path / "none.toml"))


def test_whole_numbers_serve_where_seconds_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(BOARD + "[storage]\nttl_s = 60\n")
    assert load_profile(str(path)).storage.ttl_s == 60.0


def test_a_model_of_ones_own_is_named_with_its_pin(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(BOARD + OWN_MODEL.format("0aF" + "1" * 61))
    assert load_profile(str(path)).engines.context_model == "/m/own.toml"
