"""`edge report`: takes what is usable, tells of what is not, and never shows a word."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge.errors import QuestionError
from edge.findings import Source, differences, number, read
from edge.report import assumptions, known, report
from edge.report_page import improved
from edge.report_page import report as page_of

CANARY = "Zanzibar"
MS = {"low": 30.0, "mid": 40.0, "high": 60.0}
BOARD: dict[str, Any] = {
    "ready_share_ge_900ms": 1.0,
    "encode_p99_ms": MS,
    "transcript_p99_ms": {"low": 900.0, "mid": 1200.0, "high": 1800.0},
    "margin_ms": {"p1": 800.0, "p50": 3000.0},
    "pss_mb": 75.0,
    "pss_with_recognizer_mb": 190.0,
    "written_mb_per_day": 37.5,
    "idle_core_share": 0.12,
    "fits": False,
    "misses": [
        {"budget": "end_of_speech_to_transcript_ms", "figure": 1800, "share_of_budget": 1.2}
    ],
}
REPLAY = {"turns": 10, "turns_per_s": 2100.0, "profiles": {"pi-zero-2-w": BOARD}}
ASKING: dict[str, Any] = {
    "scenario": CANARY,
    "interaction": CANARY,
    "events": ["WAKE:1", "EXPECT_SPEECH(choose,contact):4", CANARY],
    "recognized": CANARY,
    "recognized_without_context": CANARY,
    "replies": [CANARY],
    "playback_ms": 2200.0,
    "window_ms": 2202.0,
    "encode_ms": 4.4,
    "margin_ms": 2190.0,
    "reopened_after_playback_ms": 0.06,
    "context": "not-needed",
    "payloads_unsealed": 2,
}
ANSWER = {**ASKING, "window_ms": None, "margin_ms": None, "encode_ms": None, "context": "used"}
DEMO = {"profile": CANARY, "turns": [ASKING, ANSWER, {**ANSWER, "context": CANARY}]}
GROUP = {
    "utterances": 40,
    "wer_without": 0.3,
    "wer_with": 0.2,
    "relative": -0.33,
    "ci95": [-0.5, -0.1],
    "entity_error_without": 0.4,
    "entity_error_with": 0.1,
    "helped": 9,
    "harmed": 1,
}
FOLLOWUPS = {
    "recognizer": "pocketsphinx",
    "sets": {"orders": GROUP, "all": GROUP},
    "kinds": {"choice": GROUP},
}
OPENED = {
    "replies": 12,
    "answered": 6,
    "own_speech_accepted": 0,
    "first_words_lost": 0,
    "reopen_ms": {"p50": 49.8, "p99": 51.0, "max": 51.2},
}
REOPEN = {**OPENED, "voice_detector_alone": {**OPENED, "own_speech_accepted": 7}}
WINDOW = {"windows": 100, "ready_share": 0.99, "encode_ms": {"p50": 1.0}, "child_rss_mb": 41.5}
BENCH = {"append_vs_sqlite3": 1.13, "bytes_written_per_event": {"normal": 2000.0, "full": None}}
STATS = {"interactions": 3, "page_bytes": 1024, "wal_bytes": 4096, "database_bytes": 8192}
EVERY = {"a": REPLAY, "b.txt": DEMO, "c.json": FOLLOWUPS, "d": REOPEN, "e": WINDOW, "f": BENCH}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "figures"
    made.mkdir()
    for name, found in {**EVERY, "g": STATS}.items():
        (made / name).write_text(json.dumps(found))
    return made


def run(*given: object) -> Result:
    return CliRunner().invoke(report, [str(one) for one in given], standalone_mode=False)


def made(folder: Path, *given: object) -> str:
    result = run(folder, "--no-fleet", *given)
    assert result.exception is None
    return (folder / "report.html").read_text()


def refused(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    lines: list[str] = []
    read(path.parent, lines.append)
    return lines


def test_every_command_is_recognized_by_its_keys(folder: Path) -> None:
    found = read(folder, pytest.fail)
    assert found.sources == dict.fromkeys(Source, 1)
    assert found.of(Source.WINDOW) == WINDOW


def test_a_page_has_a_section_of_each(folder: Path) -> None:
    heads = re.findall("<h2>(.*?)</h2>", made(folder))
    assert heads == [
        "Boards and their budgets",
        "The compute window",
        "One turn",
        "Gain and harm",
        "Re-opening the microphone",
        "The store",
        "Memory",
    ]


def test_no_word_of_a_conversation_is_on_the_page_or_kept(folder: Path) -> None:
    result = run(folder, "--no-fleet", "--json", "--out", folder / "page.html")
    assert CANARY not in (folder / "page.html").read_text()
    assert CANARY not in result.output
    assert CANARY not in repr(read(folder, pytest.fail))


class Tags(HTMLParser):
    """Tags, and what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.fetched += [key for key, _ in attrs if key in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def test_a_page_is_closed_and_fetches_nothing(folder: Path) -> None:
    tags = Tags()
    page = made(folder)
    tags.feed(page)
    assert tags.open == []
    assert tags.fetched == []
    assert "url(" not in page
    assert "@import" not in page


def test_a_board_that_misses_says_what_by_how_much(folder: Path) -> None:
    page = made(folder)
    assert "Raspberry Pi Zero 2 W" in page
    assert "does not fit" in page
    assert "transcript, 99 %: 1.2 times its budget" in page
    assert "30 to 60 of 150 ms" in page


def test_the_turn_that_asked_is_drawn_with_its_answer(folder: Path) -> None:
    page = made(folder)
    assert "compute window, 2,202 ms" in page
    assert "vector: 4.4 ms, margin 2,190 ms" in page
    assert "answer, recognized with the context" in page


def test_gain_and_harm_are_told_of_every_set_and_kind(folder: Path) -> None:
    page = made(folder)
    for label in ("orders", "all", "kind: choice"):
        assert f"<td>{label}</td><td>40</td><td>30 %</td><td>20 %</td>" in page


def test_a_board_of_ones_own_has_no_budgets_here(folder: Path) -> None:
    (folder / "a").write_text(json.dumps({"profiles": {"mine": {"pss_mb": 80.0}}}))
    page = made(folder)
    assert "not judged" in page
    assert "80 MB" in page
    assert "of 110 MB" not in page


def test_labels_are_escaped(folder: Path) -> None:
    found = {"recognizer": "<b>", "sets": {"<script>": GROUP}}
    (folder / "c.json").write_text(json.dumps(found))
    (folder / "a").write_text(json.dumps({"profiles": {"<img src=x>": BOARD}}))
    page = made(folder)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON (line 1"),
        (b"\xff\xfe\x00", "is not JSON that can be read"),
        ("[" * 100_000, "is not JSON that can be read"),
        ("[1]", "not an object"),
        ('{"greeting": "hello"}', "keys of no command"),
        ('{"turns": 3}', "its 'turns' hold no figures"),
        ('{"turns": ["hello"]}', "its 'turns' hold no figures"),
        ('{"profiles": {"x": 1}}', "its 'profiles' hold no figures"),
        ('{"sets": []}', "its 'sets' hold no figures"),
    ],
)
def test_a_file_that_is_no_use_is_a_line_and_the_rest_goes_on(
    folder: Path, text: str | bytes, reason: str
) -> None:
    (line,) = refused(folder / "broken", text)
    assert line.startswith(str(folder / "broken"))
    assert reason in line
    assert "\n" not in line
    assert "hello" not in line


@pytest.mark.parametrize("value", ["1.5", None, True, float("nan"), float("inf"), 10**400, [], {}])
def test_what_is_no_number_is_left_out(folder: Path, value: object) -> None:
    assert number({"a": {"b": value}}, "a", "b") is None
    board = dict.fromkeys(BOARD, value) | {"misses": [value]}
    turn = dict.fromkeys(ASKING, value)
    group = dict.fromkeys(GROUP, value) | {"ci95": [value, value]}
    for name, found in {
        "a": {"profiles": {"pi-5": board}},
        "b.txt": {"turns": [turn, {}]},
        "c.json": {"sets": {"all": group}, "kinds": {"x": value}},
    }.items():
        (folder / name).write_text(json.dumps(found))
    assert "<h1>" in made(folder)


def test_a_folder_with_nothing_usable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    with pytest.raises(QuestionError, match="nothing to report"):
        read(tmp_path, lambda line: None)
    with pytest.raises(QuestionError, match="cannot be read"):
        read(tmp_path / "none", pytest.fail)


def test_a_second_report_is_not_disturbed_by_the_first(folder: Path) -> None:
    assert made(folder) == made(folder)
    assert read(folder, pytest.fail).sources == dict.fromkeys(Source, 1)


def test_of_two_files_of_one_kind_the_later_is_taken_and_told(folder: Path) -> None:
    lines = refused(folder / "z", json.dumps({**WINDOW, "windows": 7}))
    assert len(lines) == 1
    found = read(folder, lines.append)
    assert number(found.of(Source.WINDOW), "windows") == 7


def test_two_runs_are_compared_figure_by_figure(folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "before"
    earlier.mkdir()
    slower = {**BOARD, "encode_p99_ms": {**MS, "high": 80.0}, "ready_share_ge_900ms": 0.5}
    (earlier / "r").write_text(json.dumps({"profiles": {"pi-zero-2-w": slower, "gone": BOARD}}))
    (earlier / "d").write_text(json.dumps({"turns": [{**ASKING, "encode_ms": 3.0}]}))
    changed = differences(read(earlier, pytest.fail), read(folder, pytest.fail))
    found = {one.name: (one.before, one.after) for one in changed}
    assert found == {
        "pi-zero-2-w · encode_p99_ms · high": (80.0, 60.0),
        "pi-zero-2-w · ready_share_ge_900ms": (0.5, 1.0),
        "encode_ms, median": (3.0, 4.4),
    }
    assert {one.name: improved(one) for one in changed} == {
        "pi-zero-2-w · encode_p99_ms · high": True,
        "pi-zero-2-w · ready_share_ge_900ms": True,
        "encode_ms, median": False,
    }
    page = made(folder, "--before", earlier)
    assert "3 figures differ: 2 are better, 1 worse" in page
    assert "-25.0%" in page


def test_a_run_beside_itself_differs_in_nothing(folder: Path) -> None:
    assert "No figure that both runs have is another one" in made(folder, "--before", folder)


def test_a_fleet_takes_what_was_found_before_what_is_assumed(folder: Path) -> None:
    found = read(folder, pytest.fail)
    assert assumptions(found).written_bytes_per_event == pytest.approx(37.5e6 / 4900, rel=1e-3)
    (folder / "a").unlink()
    assert assumptions(read(folder, pytest.fail)).written_bytes_per_event == 2000.0


def test_a_page_with_a_fleet_says_what_it_assumes(folder: Path) -> None:
    from dataclasses import replace

    from edge.fleet import fleet_day

    found = read(folder, pytest.fail)
    day = fleet_day(replace(assumptions(found), devices=20, turns=50), 1)
    page = page_of(found, known(found.boards), day, None)
    assert "A fleet's day, on paper" in page
    for _, _, source in day.assumptions.listed():
        assert source.split(":")[0].split("'")[0] in page


def test_a_page_that_cannot_be_written_is_one_line(folder: Path) -> None:
    with pytest.raises(QuestionError, match="cannot be written"):
        CliRunner().invoke(
            report,
            [str(folder), "--no-fleet", "--out", str(folder / "no" / "page")],
            standalone_mode=False,
            catch_exceptions=False,
        )


def test_only_shipped_boards_are_looked_up() -> None:
    assert known(["/etc/passwd", "nobody.toml"]) == {}
    assert known(["pi-zero-2-w"])["pi-zero-2-w"].budgets.vector_p99_ms == 150
