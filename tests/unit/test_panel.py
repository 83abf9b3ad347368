"""One snapshot, rendered at several widths and into terminals that know nothing but ASCII."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from edge.panel import FLOOR_DBFS, Panel, Snapshot, Stored, Window
from edge.session import State

PLAYING = Window(elapsed_ms=500, whole_ms=2000, asks=True, ready_ms=400, encode_ms=4.26)
SHOWN = Snapshot(
    title="edge live: Laptop",
    state=State.EXPECTING,
    level_dbfs=-31.0,
    peak_dbfs=-12.0,
    wake_word="alexa",
    woken_s=4.0,
    alike=0.71,
    heard="i mean bauer",
    plain="i mean power",
    reply="Do you mean Meg Jones or Meg Bauer?",
    window=PLAYING,
    reopened_ms=3.2,
    stored=Stored(3, 12, 4120),
    microphone="microphone: Built-in",
    loudspeaker="loudspeaker: Built-in, 2 underflows",
)


def drawn(shown: Snapshot, width: int = 80, encoding: str = "utf-8") -> list[str]:
    """What stands on the terminal, line by line."""
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding)
    Console(file=file, width=width, color_system=None).print(Panel(shown))
    file.flush()
    return written.getvalue().decode(encoding).splitlines()


def row(lines: list[str], name: str) -> str:
    """The content beside a name."""
    (line,) = [line[2:-2] for line in lines if line[2:].startswith(name + " ")]
    return line.removeprefix(name).strip()


def styled(shown: Snapshot) -> str:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, record=True)
    console.print(Panel(shown))
    return console.export_text(styles=True)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_and_holds_everything(width: int, encoding: str) -> None:
    lines = drawn(SHOWN, width, encoding)
    assert {len(line) for line in lines} == {width}
    assert len(lines) <= 24, "a terminal's usual height"
    text = " ".join(" ".join(line[2:-2].split()) for line in lines)
    for part in (
        "EXPECTING",
        "-31 peak -12 dBFS",
        "alexa, 4 s ago",
        "+0.71 alike",
        "i mean bauer",
        "i mean power",
        "500 of 2000 ms",
        "4.3 ms",
        "1600 ms",
        "+3.2 ms after the end",
        "4120 B sealed",
        "2 underflows",
    ):
        assert part in text


def test_where_nothing_is_known_yet_it_is_as_high_as_later() -> None:
    assert len(drawn(Snapshot("edge"))) == len(drawn(SHOWN))


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_picture(state: State) -> None:
    assert row(drawn(Snapshot("edge", state)), "state").startswith(f"{state}  ")


def test_ascii_alone_says_everything() -> None:
    shown = replace(SHOWN, reply="Café “Sí”", notes=("größer",), title="Küche")
    text = "\n".join(drawn(shown, 80, "ascii"))
    assert "Cafe ?Si?" in text
    assert "gro?er" in text
    assert "Kuche" in text


def test_words_that_the_context_changed_are_marked() -> None:
    text = styled(SHOWN)
    assert "i mean \x1b[1;4;32mbauer\x1b[0m" in text
    assert "i mean \x1b[4;31mpower\x1b[0m" in text
    same = styled(replace(SHOWN, plain=SHOWN.heard))
    assert same.count("i mean bauer") == 2


def cells(line: str, mark: str = "█") -> tuple[int, int]:
    """Where a bar begins and how long it is."""
    return line.index(mark), line.count(mark)


def test_the_window_fills_and_its_parts_make_the_whole() -> None:
    lines = drawn(SHOWN, 97)  # bars of 64 cells
    assert cells(row(lines, "playback")) == (0, 16)
    encode, margin = cells(row(lines, "encode")), cells(row(lines, "margin"))
    assert encode == (0, 13)
    assert margin == (13, 51)
    over = replace(PLAYING, elapsed_ms=2000, over=True)
    assert cells(row(drawn(replace(SHOWN, window=over), 97), "playback")) == (0, 64)


@pytest.mark.parametrize(
    ("window", "encode", "margin"),
    [
        (Window(100, None), "nothing was asked", "nothing was asked"),
        (Window(100, None, asks=True), "not ready", "-"),
        (Window(900, 900, asks=True, over=True), "goes on without", "-"),
        (Window(100, None, asks=True, ready_ms=5, encode_ms=2.0), "2.0 ms", "-"),
        (None, "-", "-"),
    ],
)
def test_a_window_says_what_became_of_the_vector(
    window: Window | None, encode: str, margin: str
) -> None:
    lines = drawn(replace(SHOWN, window=window))
    assert row(lines, "encode").endswith(encode)
    assert row(lines, "margin").endswith(margin)


def test_a_moment_still_shows() -> None:
    quick = replace(PLAYING, ready_ms=0.5, whole_ms=30_000)
    assert cells(row(drawn(replace(SHOWN, window=quick)), "encode"))[1] == 1


@pytest.mark.parametrize(
    ("level", "peak", "full", "mark"), [(FLOOR_DBFS, FLOOR_DBFS, 0, 0), (0.0, 0.0, 63, 63)]
)
def test_the_meter_ends_where_its_scale_does(
    level: float, peak: float, full: int, mark: int
) -> None:
    line = row(drawn(replace(SHOWN, level_dbfs=level, peak_dbfs=peak), 97), "level")
    assert line.count("█") == full
    assert line.index("│") == mark


@pytest.mark.parametrize("alike", [-1.0, 0.0, 1.0])
def test_a_voice_that_is_unlike_has_an_empty_bar(alike: float) -> None:
    line = row(drawn(replace(SHOWN, alike=alike), 97), "voice")
    assert line.count("█") == round(64 * max(0.0, alike))
    assert line.endswith(f"{alike:+.2f} alike")


def test_a_snapshot_does_not_spell_out_words() -> None:
    assert "bauer" not in repr(SHOWN).lower()
