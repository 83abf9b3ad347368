"""`edge replay`: the format of dialogues without sound, the run, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge import replay as command
from edge.assembly import temporary_places
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.dialogue_script import Exchange, Faults, has_sound, load_script, shipped_scripts
from edge.errors import ScenarioError
from edge.fitting import Miss, pace_of
from edge.profile import load_profile
from edge.projection import Interval
from edge.recalled import Costs, Pace
from edge.replaying import Outcome, Replay

HEAD = '{"title": "t", "about": "a"}\n'
LINE = '{"say": "call meg", "wake": "alexa", "reply": "Calling."}\n'
ASKS = (
    '{"say": "call meg", "wake": "alexa", "reply": "Which Meg?", '
    '"asks": {"act": "choose", "slot": "contact"}, "offers": {"contact": ["Meg Jones"]}}\n'
)
ANSWERS = '{"say": "jones", "after_ms": 200, "reply": "Calling Meg Jones.", "sounds_s": 2}\n'
COSTS = Costs(
    encode_ms={0: [1.0], 16: [1.5]},
    run_ms=0.15,
    batch=16,
    round_ms=0.2,
    unseal_ms=0.2,
    finish_ms=[50.0, 100.0],
    decode_share=0.15,
    wake_word_share=0.001,
    hearing_share=0.01,
    daemon_pss_mb=45.0,
    encoder_pss_mb=35.0,
    recognizer_pss_mb=115.0,
)
SAME = Interval(1.0, 1.0, 1.0)
PACE = Pace(SAME, SAME, SAME, write_s=0.001, synthesis=0.1, cores=4, nice=10)


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.jsonl"
    path.write_text(text)
    return str(path)


def outcome(name: str, turns: int, pace: Pace = PACE, seed: int = 1) -> Outcome:
    with temporary_places() as places:
        parts = ([load_script(name)], COSTS, load_profile("laptop"), pace, seed, places)
        return Replay(*parts).hold(turns)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts' costs are known: measuring them takes longer than the whole test."""
    monkeypatch.setattr(command, "measured", lambda profile: COSTS)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.replay, arguments)


# ------------------------------------------------------------------- the format


def test_a_dialogue_of_ones_own(tmp_path: Path) -> None:
    head = '{"title": "t", "about": "a", "faults": {"storage_stall_s": 0.5, "busy_cores": 2}}\n'
    script = load_script(written(tmp_path, head + ASKS + ANSWERS))
    asked = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones",)),))
    request, answer = script.exchanges
    assert (request.wake, request.reply, request.asked) == ("alexa", "Which Meg?", asked)
    assert request.sounds_s == pytest.approx(2 * 60 / 170)
    assert answer == Exchange("jones", "Calling Meg Jones.", 2, after_ms=200)
    assert script.faults == Faults(storage_stall_s=0.5, busy_cores=2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEAD, ["no utterance"]),
        (HEAD + "{", ["line 2", "not JSON"]),
        (HEAD + LINE + '{"say": "x"}', ["line 3", "'reply'"]),
        (HEAD + '{"say": "x", "reply": "y"}', ["line 2", "either 'wake' or 'after_ms'"]),
        (HEAD + LINE + ANSWERS, ["line 3", "nothing was asked"]),
        (HEAD + ANSWERS, ["line 2", "nothing was asked"]),
        (HEAD + LINE.replace("wake", "wakes"), ["line 2", "unknown key 'wakes'"]),
        (HEAD + ASKS.replace("choose", "chose"), ["line 2", "unknown act 'chose'"]),
        (HEAD + ASKS.replace('"slot": "contact"', '"slot": "x"'), ["line 2", "unknown slot 'x'"]),
        (HEAD + ASKS.replace(', "slot": "contact"', ""), ["line 2", "'act' and 'slot'"]),
        (HEAD + ASKS.replace('["Meg Jones"]', '"Meg"'), ["line 2", "list of texts"]),
        (HEAD + ASKS.replace('["Meg Jones"]', "[7]"), ["line 2", "list of texts"]),
        (HEAD + ASKS.replace('{"contact": [', '{"people": ['), ["line 2", "unknown slot 'people'"]),
        (HEAD + LINE.replace("}", ', "offers": {"contact": ["a"]}}'), ["line 2", "'asks'"]),
        (HEAD + LINE.replace("}", ', "sounds_s": -1}'), ["line 2", "'sounds_s'"]),
        ('{"faults": {"storage_stall_share": 2}}\n' + LINE, ["line 1", "at most 1"]),
        ('{"faults": {"busy_cores": 1.5}}\n' + LINE, ["line 1", "'busy_cores'"]),
        ('{"faults": {"fire": 1}}\n' + LINE, ["line 1", "unknown key 'fire'"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_script(written(tmp_path, text))
    for part in [*parts, "mine.jsonl"]:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_with_a_voice_means_sound(tmp_path: Path) -> None:
    assert has_sound("meg")
    assert not has_sound("household")
    with pytest.raises(ScenarioError, match="did you mean 'household'"):
        has_sound("houshold")


# ---------------------------------------------------------------------- the run


@pytest.mark.parametrize("name", shipped_scripts())
def test_every_shipped_dialogue_goes_as_it_is_written(name: str) -> None:
    held = outcome(name, 3 * len(load_script(name).exchanges))
    questions = [exchange for exchange in load_script(name).exchanges if exchange.asked]
    assert (held.turns, held.lost, held.astray) == (3 * len(load_script(name).exchanges), 0, 0)
    assert len(held.asked) == 3 * len(questions)
    assert all(asked.margin_s and asked.margin_s > 0 for asked in held.asked)


def test_the_same_seed_holds_the_same_dialogue(tmp_path: Path) -> None:
    one, same, other = (outcome("storage", 60, seed=seed) for seed in (1, 1, 2))
    assert (one.virtual_s, list(one.asked)) == (same.virtual_s, list(same.asked))
    assert list(one.asked) != list(other.asked)


def test_an_answer_after_the_microphone_has_closed_is_left_out(tmp_path: Path) -> None:
    late = ANSWERS.replace("200", "50000")
    held = outcome(written(tmp_path, HEAD + ASKS + late), 4)
    assert (held.turns, held.lost, held.astray) == (4, 0, 3)


def test_a_day_has_its_turns() -> None:
    held = outcome("household", 200)
    assert held.virtual_s / 200 == pytest.approx(86_400 / 1_000, rel=0.5)


def test_a_synthesizer_on_the_only_core_leaves_the_encoder_a_ninth() -> None:
    single = Pace(SAME, SAME, SAME, write_s=0.001, synthesis=0.1, cores=1, nice=10)
    assert single.share(0) == 1.0
    assert 0.08 < single.share(1) < 0.12
    assert PACE.share(3) == 1.0


def test_costs_are_split_into_network_and_the_rest() -> None:
    assert COSTS.split(1.0, 0, 1) == pytest.approx((0.15, 1.05))
    assert COSTS.split(1.5, 16, 3) == pytest.approx((0.45, 1.95))
    assert COSTS.split(0.1, 64, 1) == pytest.approx((0.1, 0.2))


# ------------------------------------------------------------------ the command


@pytest.mark.usefixtures("measured")
def test_it_prints_every_figure() -> None:
    result = run("household", "storage", "--profile", "laptop", "--turns", "40", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    board = found["profiles"]["laptop"]
    assert {miss["budget"] for miss in board["misses"]} <= {"written_mb_per_day"}, "its own disk's"
    assert board["fits"] is (not board["misses"])
    assert result.exit_code == (0 if board["fits"] else 1), result.output
    assert found["turns"] >= 40
    assert found["turns_per_s"] > 10
    assert board["ready_share_ge_900ms"] == 1.0
    assert board["encode_p99_ms"]["low"] < board["encode_p99_ms"]["high"]
    assert board["pss_mb"] == 80.0
    assert board["idle_core_share"] > 0
    assert board["written_mb_per_day"] is None or 0 < board["written_mb_per_day"] < 100
    assert found["audio"] is None


@pytest.mark.usefixtures("measured")
def test_a_scenario_with_sound_is_reported_apart() -> None:
    result = run("light", "--profile", "laptop", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert found["audio"]["turns"] == 1
    assert found["audio"]["sound_s"] > 2
    assert found["audio"]["scenarios"]["light"]["times_real_time"] > 0
    assert found["profiles"]["laptop"]["ready_share_ge_900ms"] is None, "nothing was asked"


@pytest.mark.usefixtures("measured")
def test_what_does_not_fit_is_one_line_and_1(tmp_path: Path) -> None:
    delayed = '{"title": "t", "about": "a", "faults": {"encoder_delay_s": 3}}\n'
    path = written(tmp_path, delayed + ASKS + ANSWERS)
    result = run(path, "--profile", "laptop", "--turns", "10", "--json")
    assert result.exit_code == 1
    line = next(line for line in result.stderr.splitlines() if "vector_p99_ms" in line)
    assert re.fullmatch(r"edge: .+: vector_p99_ms is 300\d, 200\d\d% of its budget of 15", line), (
        line
    )
    missed = json.loads(result.stdout)["profiles"]["laptop"]["misses"]
    assert missed[0]["budget"] == "vector_p99_ms"
    assert missed[0]["share_of_budget"] == pytest.approx(200, rel=0.01)


def test_a_miss_names_board_figure_and_share() -> None:
    told = Miss("pss_mb", 121.0, 110.0).told_of("A board")
    assert told == "A board: pss_mb is 121, 110% of its budget of 110"


@pytest.mark.parametrize(
    "arguments",
    [["--profile", "laptop"], ["household"], ["household", "--profile", "ci", "--turns", "0"]],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_every_shipped_board_has_a_pace() -> None:
    here = load_profile("ci").speed
    assert pace_of(load_profile("ci"), here).encoder.mid == pytest.approx(1.0)
    zero = pace_of(load_profile("pi-zero-2-w"), here)
    assert 1 < zero.python.mid < zero.encoder.mid
    assert zero.encoder.low < zero.encoder.mid < zero.encoder.high
