"""The live conversation with the room's devices in place of real ones, and without any at all."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from edge.assembly import Places
from edge.cli import main
from edge.demo import Customer
from edge.dialogue import MicBack, MicLost, MicOpened, PlaybackFinished, Transcribed
from edge.errors import AudioError
from edge.live import Live, recording
from edge.profile import load_profile
from edge.protocols import Frame, Microphone
from edge.recorder import Recorder
from edge.recording import Happened, Recording, read_key
from edge.room import RoomLoudspeaker, RoomMicrophone
from edge.scenario import Voice, load
from edge.scheduler import Scheduler, Threads, Virtual
from edge.screen import Screen
from edge.session import State
from edge.telling import Telling
from edge.view import Seen

PROFILE = load_profile("laptop")
needs_terminals = pytest.mark.skipif(
    not os.path.exists("/dev/ptmx"), reason="there are no pseudo-terminals here"
)


class Kept:
    """A microphone that keeps what it gave, and is away for the frames whose numbers it is told."""

    def __init__(self, microphone: Microphone, away: range = range(0)) -> None:
        self.frames: list[Frame] = []
        self._microphone = microphone
        self._away = away
        self._reads = 0

    def read(self) -> Frame:
        self._reads += 1
        if self._reads in self._away:
            raise AudioError("microphone: is gone: plug it in again")
        self.frames.append(self._microphone.read())
        return self.frames[-1]


class Guided(Screen):
    """A screen whose events also tell a scripted customer when to speak."""

    def __init__(
        self, console: Console, scheduler: Scheduler, room: RoomMicrophone, name: str
    ) -> None:
        super().__init__(console, "edge live", scheduler.now)
        self.seen: list[Seen] = []
        self.said_all = False
        scenario = load(name)
        telling = Telling(Console(quiet=True))
        self._customer = Customer(scenario.lines, Voice(scenario.voice), room, telling)
        self._quiet_since = 0.0

    def begin(self, now: float) -> None:
        self._customer.request(now)

    def see(self, seen: Seen) -> None:
        super().see(seen)
        self.seen.append(seen)
        match seen.event:
            case PlaybackFinished(_, at):
                self._quiet_since = at
            case MicOpened() if seen.state is State.EXPECTING:
                self._customer.answer(self._quiet_since)
        if seen.commands and seen.state is State.IDLE:
            self.said_all = self._customer.request(seen.at) is None


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="test-") as runtime:
        yield Places(tmp_path, Path(runtime))


def held(
    scheduler: Scheduler,
    console: Console,
    places: Places,
    recorder: Recorder | None = None,
    name: str = "meg",
) -> tuple[Guided, Kept]:
    """A scenario, held live; everything that was seen and captured."""
    room = RoomMicrophone(scheduler.now, scheduler.sleep_until)
    microphone = Kept(room)
    screen = Guided(console, scheduler, room, name)
    live = Live(scheduler, microphone, RoomLoudspeaker(scheduler.now), screen, recorder)
    scheduler.call_at(scheduler.now(), lambda: screen.begin(scheduler.now()))
    live.hold(PROFILE, places, lambda: screen.said_all)
    return screen, microphone


def virtual() -> Virtual:
    return Virtual(lambda worker, took_s: took_s if worker == "context" else 0.002)


def heard(screen: Guided) -> list[str]:
    return [seen.event.text for seen in screen.seen if isinstance(seen.event, Transcribed)]


def test_a_terminal_shows_the_turn_as_it_goes(places: Places) -> None:
    """In real time, with threads, as with real devices."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=80, height=40)
    screen, _ = held(Threads(), console, places)
    assert heard(screen) == ["call meg", "i mean bauer"]
    shown = written.getvalue()
    for part in (
        "IDLE  say the wake word",
        "RECOGNIZING  listening",
        "PROMPTING  asking",
        "EXPECTING  your answer?",
        "alexa, 0 s ago",
        "i mean bauer",
        "Do you mean Meg Jones or Meg Bauer?",
        "ms after the end of the sound",
        "Calling Meg Bauer.",
    ):
        assert part in shown
    assert re.search(r"playback +█+░+ \d+ of \d+ ms", shown)
    assert re.search(r"margin +░*█+ \d+ ms", shown)
    assert re.search(r"store +[1-9] interactions?, [1-9]\d* payloads, [1-9]\d+ B sealed", shown)
    assert re.search(r"level +█+", shown)


def test_without_a_terminal_it_is_told_in_lines_and_all_of_it_can_be_recorded(
    places: Places,
) -> None:
    file, written = places.state / "talk.rec", io.StringIO()
    recorder = recording(file, None, "laptop", PROFILE)
    try:
        screen, microphone = held(virtual(), Console(file=written, width=100), places, recorder)
    finally:
        recorder.close()
    assert heard(screen) == ["call meg", "i mean bauer"]
    told = written.getvalue()
    assert "\x1b" not in told
    parts = ("wake word alexa", "call meg", "Do you mean", "playback", "encode", "margin")
    found_at = [told.index(part) for part in (*parts, "re-opened", "i mean bauer", "Calling")]
    assert found_at == sorted(found_at)
    assert recorder.whole
    assert_holds(file, screen, microphone)


def assert_holds(file: Path, screen: Guided, microphone: Kept) -> None:
    """The recording is what was captured, sample for sample, and what happened."""
    recorded = Recording(file, read_key(file.with_suffix(".key")))
    assert recorded.header.profile == "laptop"
    assert "[board]" in recorded.header.profile_text
    assert set(recorded.header.models) >= {"context-encoder", "rescorer"}
    parts = list(recorded)
    assert [part for part in parts if isinstance(part, Frame)] == microphone.frames
    happened = [Happened(seen.event, seen.at) for seen in screen.seen]
    assert [part for part in parts if isinstance(part, Happened)] == happened
    content = file.read_bytes()
    assert not [word for word in (b"bauer", b"Calling", b"laptop") if word in content]


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        assert self.goes_on.wait(60)
        return super().write(text)


def test_a_terminal_that_takes_nothing_holds_up_nobody(places: Places) -> None:
    stuck = Stuck()
    console = Console(file=stuck, force_terminal=True, width=80)
    screen, _ = held(virtual(), console, places, name="light")
    assert len(heard(screen)) == 1
    stuck.goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "edge-view":
            thread.join()


class Full(io.StringIO):
    """An output that takes no more."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_output_that_takes_no_more_ends_the_conversation(places: Places) -> None:
    scheduler = Threads()
    room = RoomMicrophone(scheduler.now, scheduler.sleep_until)
    screen = Screen(Console(file=Full()), "edge live", scheduler.now)
    live = Live(scheduler, room, RoomLoudspeaker(scheduler.now), screen)
    with pytest.raises(OSError, match="No space left"):
        live.hold(PROFILE, places, lambda: False)


def test_a_microphone_that_goes_and_comes_back_is_shown(places: Places) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=80, height=40)
    scheduler = Threads()
    room = RoomMicrophone(scheduler.now, scheduler.sleep_until)
    microphone = Kept(room, away=range(3, 4))
    seen: list[Seen] = []

    class Watched(Screen):
        def see(self, one: Seen) -> None:
            super().see(one)
            seen.append(one)

    screen = Watched(console, "edge live", scheduler.now)
    live = Live(scheduler, microphone, RoomLoudspeaker(scheduler.now), screen)
    live.hold(PROFILE, places, lambda: MicBack() in [one.event for one in seen])
    assert MicLost() in [one.event for one in seen]
    assert re.search(r"note +microphone lost: microphone: is gone", written.getvalue())
    assert re.search(r"note +microphone back", written.getvalue())


# ------------------------------------------------------------- the command


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A profile whose devices no machine has."""
    profile = tmp_path / "nowhere.toml"
    profile.write_text(
        '[board]\ntitle = "test"\ncores = 2\nmemory_mb = 999\naes = true\n'
        '[audio]\nmicrophone = "no such thing"\nloudspeaker = "no such thing"\n'
    )
    return profile


def begun(profile: Path, *arguments: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "edge", "demo", "--live", "--profile", str(profile)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    return subprocess.Popen(
        [*command, *arguments],
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        env=environment,
    )


def keys_of(pid: int) -> list[Path]:
    """Where a process keeps its keys: it holds that folder open."""
    opened = [file.resolve() for file in Path(f"/proc/{pid}/fd").iterdir()]
    return [file for file in opened if file.name.startswith("edge-") and file.is_dir()]


def read_until(file: int, part: bytes) -> bytes:
    """What a process wrote up to here; what it had written when it ended fails the test."""
    read = b""
    while part not in read:
        more = os.read(file, 4096)
        assert more, read
        read += more
    return read


def test_without_any_device_it_runs_and_says_so_until_ctrl_c(nowhere: Path) -> None:
    file = nowhere.with_name("talk.rec")
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with begun(nowhere, "--record", str(file), stdout=pipe, stderr=nothing) as demo:
        try:
            assert demo.stdout is not None
            read_until(demo.stdout.fileno(), b"no microphone")
            keys = keys_of(demo.pid)
            os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to the children too
            last = demo.stdout.read().decode()
            assert demo.wait(20) == 0
        finally:
            demo.kill()
    assert "The conversation is over, and its keys are gone." in last
    assert keys
    assert not [folder for folder in keys if folder.exists()]
    assert f"{file}: all of it, sealed" in last
    recorded = Recording(file, read_key(file.with_suffix(".key")))
    assert MicLost() in [part.event for part in recorded if isinstance(part, Happened)]


@needs_terminals
def test_in_a_terminal_ctrl_c_ends_it_and_gives_the_cursor_back(nowhere: Path) -> None:
    ours, theirs = os.openpty()
    with begun(nowhere, stdout=theirs, stderr=theirs) as demo:
        try:
            os.close(theirs)
            shown = read_until(ours, b"no such thing")
            os.killpg(demo.pid, signal.SIGINT)
            last = read_until(ours, b"keys are gone")
            assert demo.wait(20) == 0
        finally:
            demo.kill()
            os.close(ours)
    assert b"say the wake word" in shown
    assert b"not open" in shown + last
    assert last.rindex(b"\x1b[?25h") > last.rindex(b"Ctrl-C ends")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--record", "talk.rec"], 2, "--record is for --live"),
        (["--live", "--fast"], 2, "in real time: no --fast"),
        (["--live", "--record", "there.rec"], 1, "there.rec: is there already"),
        (["--live", "--record", "new.key"], 1, "cannot be the recording and its key"),
        (["--live", "--record", "no/talk", "--record-key", "k"], 1, "no/talk: cannot be written"),
        (["--live", "--record", "talk", "--record-key", "there.rec"], 1, "exactly 32 bytes"),
    ],
)
def test_what_cannot_be_recorded_is_said_before_anything_starts(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.rec").write_text("dear to somebody")
    Path("there.rec").chmod(0o600)
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert Path("there.rec").read_text() == "dear to somebody"
    assert not Path("talk").exists()
    assert result.exit_code == code
    assert message in result.stderr
