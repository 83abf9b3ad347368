from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edge.board import YARDSTICKS, Figure, Trust, Work
from edge.errors import ProfileError
from edge.profile import load_profile, shipped_profiles

BOARD = '[board]\ntitle = "x"\ncores = 4\nmemory_mb = 427\naes = false\n'
OWN_MODEL = '[engines]\ncontext_model = "/m/own.toml"\ncontext_model_sha256 = "{}"\n'
FIGURE = """
[speed.{}]
value = {}
unit = "{}"
source = "a page"
date = 2022-02-08
trust = "published"
"""


def figure(work: str = "int8", value: str = "30", unit: str = "ms, MobileNet v2, 4 threads") -> str:
    return BOARD + FIGURE.format(work, value, unit)


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


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_figure_says_where_it_is_from(name: str) -> None:
    profile = load_profile(name)
    board, speed = profile.board, profile.speed
    assert board.source
    assert board.date
    assert board.trust is not None
    assert board.clock_mhz or board.trust is not Trust.PUBLISHED
    for found in (speed.synthesis, *(speed.of(work) for work in Work)):
        assert found is None or (len(found.source) > 10 and found.date.year >= 2022)
    assert speed.scalar
    assert speed.storage
    assert speed.synthesis


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_board_without_aes_instructions_has_the_other_cipher(name: str) -> None:
    profile = load_profile(name)
    wanted = "aes-256-gcm" if profile.board.aes else "chacha20-poly1305"
    assert profile.storage.cipher == wanted


def test_the_boards_that_must_be_there_are() -> None:
    pis = {"pi-zero-2-w", "pi-3b-plus", "pi-4b", "pi-5"}
    assert set(shipped_profiles()) == pis | {"cm4", "radxa-zero-3w", "laptop", "ci"}


def test_a_figure_is_read_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(figure())
    speed = load_profile(str(path)).speed
    assert speed.of(Work.INT8) == Figure(
        30.0, "ms, MobileNet v2, 4 threads", "a page", date(2022, 2, 8), Trust.PUBLISHED
    )
    assert speed.of(Work.FP32) is None


@pytest.mark.parametrize(
    ("work", "unit"), [(work, unit) for work, units in YARDSTICKS.items() for unit in units]
)
@pytest.mark.parametrize("times", [1 / 3000, 3000])
def test_a_slip_by_thousands_is_seen_either_way(
    tmp_path: Path, work: Work, unit: str, times: float
) -> None:
    text = figure(work, repr(YARDSTICKS[work][unit] * times), unit)
    assert "compare it with its source" in refusal(tmp_path, text)


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
        (BOARD.replace("427", "4_000_000"), ["'memory_mb' is 4000000", "believed are"]),
        (BOARD.replace("427", "-1"), ["'memory_mb' is -1"]),
        (BOARD + "clock_mhz = 0", ["'clock_mhz' is 0"]),
        (BOARD + "clock_mhz = 5", ["'clock_mhz' is 5", "100 to 10000"]),
        (BOARD + "clock_ghz = 1", ["unknown key 'clock_ghz'", "did you mean 'clock_mhz'"]),
        (BOARD.replace("cores = 4", "cores = 1000"), ["'cores' is 1000", "1 to 256"]),
        (BOARD + "date = 'May'", ["'date' must be a date like 2026-11-22"]),
        (BOARD + "trust = 'xy'", ["'trust' is 'xy'", "derived, measured, published"]),
        (BOARD + "[budgets]\npss_mb = -110", ["'pss_mb' is -110"]),
        (BOARD + "[budgets]\nidle_core_share = 15", ["'idle_core_share' is 15", "0 to 1"]),
        (BOARD + "[budgets]\nvector_p99_s = 0.1", ["did you mean 'vector_p99_ms'"]),
        (BOARD + "[speed]\nint8 = 30", ["[speed]: 'int8' must be a table, not 30"]),
        (figure(work="int9"), ["[speed]: unknown key 'int9'", "did you mean 'int8'"]),
        (figure(value="0"), ["[speed.int8]: 'value' is 0"]),
        (figure(value="-3"), ["[speed.int8]: 'value' is -3"]),
        (figure(value="nan"), ["[speed.int8]: 'value' is nan"]),
        (figure(value="inf"), ["[speed.int8]: 'value' is inf"]),
        (figure(value="'30 ms'"), ["[speed.int8]: 'value' must be a number"]),
        (figure(value="true"), ["[speed.int8]: 'value' must be a number"]),
        (figure(value="30000"), ["30000 ms, MobileNet v2, 4 threads", "compare it"]),
        (figure(unit="s"), ["[speed.int8]: 'unit' is 's'", "'ms, MobileNet v2, 4 threads'"]),
        (figure("scalar"), ["[speed.scalar]: 'unit' is 'ms, Mob", "'MIPS, 7-Zip'"]),
        (figure("synthesis", "0.8", "s/s"), ["[speed.synthesis]: 'unit'", "Piper medium"]),
        (figure("synthesis", "800", "s/s, Piper medium"), ["[speed.synthesis]: 'value'", "800"]),
        (figure("synthesis", "-1", "s/s, Piper medium"), ["[speed.synthesis]: 'value' is -1"]),
        (figure().replace("a page", " "), ["[speed.int8]: 'source' is empty"]),
        (figure().replace('source = "a page"\n', ""), ["[speed.int8]: 'source' is missing"]),
        (figure().replace("source", "sorce"), ["unknown key 'sorce'", "did you mean 'source'"]),
        (figure().replace("2022-02-08", "2022"), ["'date' must be a date"]),
        (figure().replace("2022-02-08", "'2022-02-08'"), ["'date' must be a date"]),
        (figure().replace("published", "publishd"), ["'publishd'", "did you mean 'published'"]),
        (figure().replace('"published"', "1"), ["'trust' must be measured, published or derived"]),
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
