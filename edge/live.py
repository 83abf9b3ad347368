"""A conversation with whoever sits before real devices, shown as it goes and recorded if asked.

The turn is the daemon's, as on a device; this only opens what it needs, watches, and cleans up.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from rich.console import Console

from edge import __version__, pins
from edge.assembly import CIPHERS, Places, Speaker, assembled
from edge.dialogue import Command, Event
from edge.errors import AudioError
from edge.panel import Stored
from edge.profile import Profile, shipped_profiles
from edge.protocols import Frame, Loudspeaker, Microphone
from edge.reader import Reader
from edge.recorder import Recorder
from edge.recording import Header, recording_key
from edge.scheduler import Scheduler, Threads
from edge.screen import Screen
from edge.session import Session
from edge.view import Known, Seen

COUNTED_EVERY_S = 1.0


class Live:
    """One conversation. It is the daemon's microphone: what is captured is watched as well."""

    def __init__(
        self,
        scheduler: Scheduler,
        microphone: Microphone,
        loudspeaker: Loudspeaker,
        screen: Screen,
        recorder: Recorder | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._microphone = microphone
        self._loudspeaker = loudspeaker
        self._screen = screen
        self._recorder = recorder
        self._session: Session
        self._counted: tuple[float, Stored] = (float("-inf"), Stored())

    def hold(self, profile: Profile, places: Places, done: Callable[[], bool]) -> None:
        """Converse until done; then everything is recorded and closed."""
        scheduler = self._scheduler
        with (
            closing(scheduler),
            assembled(
                profile, places, scheduler, self, self._loudspeaker, self._observe
            ) as speaker,
        ):
            self._session = speaker.session
            with self._screen.showing(lambda: self._known(speaker)):
                speaker.daemon.run(lambda: done() or self._screen.failed)
                scheduler.do("store", lambda: None)

    def read(self) -> Frame:
        """protocols.Microphone: the next frame of the real one."""
        frame = self._microphone.read()
        self._screen.hear(frame)
        if self._recorder:
            self._recorder.frame(frame)
        return frame

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        self._screen.see(Seen(event, commands, now, self._session.state))
        if self._recorder:
            self._recorder.event(event, now)

    def _known(self, speaker: Speaker) -> Known:
        counted_at, stored = self._counted
        if self._scheduler.now() - counted_at >= COUNTED_EVERY_S:
            stored = _stored(speaker.store.reader)
            self._counted = self._scheduler.now(), stored
        return Known(
            alike=speaker.hearing.alike,
            stored=stored,
            microphone=_fares("microphone", self._microphone),
            loudspeaker=_fares("loudspeaker", self._loudspeaker),
        )


def converse(
    title: str, profile: Profile, places: Places, recorder: Recorder | None, console: Console
) -> None:
    """Converse over the profile's devices until Ctrl-C; none at all is shown and waited for."""
    from edge.loudspeaker import PortAudioLoudspeaker
    from edge.microphone import PortAudioMicrophone

    scheduler = Threads()
    with ExitStack() as stack:
        done = stack.enter_context(interrupted())
        if recorder:
            stack.callback(recorder.close)
        microphone = PortAudioMicrophone(profile.audio, scheduler.now)
        stack.callback(microphone.close)
        loudspeaker = PortAudioLoudspeaker(profile.audio, scheduler.now)
        stack.callback(loudspeaker.close)
        screen = Screen(console, title, scheduler.now)
        live = Live(scheduler, microphone, loudspeaker, screen, recorder)
        live.hold(profile, places, done.is_set)


@contextmanager
def interrupted() -> Iterator[threading.Event]:
    """Set by Ctrl-C, which does nothing else; the second one is what it always was."""
    asked = threading.Event()

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def recording(file: Path, key: Path | None, name: str, profile: Profile) -> Recorder:
    """A recording of a conversation under this profile, begun.

    key: a file that is made when there is none; without one, beside the recording. AudioError
    or StoreError when either cannot be written, or the recording is there already.
    """
    if file.is_dir() or not file.parent.is_dir():
        raise AudioError(f"{file}: cannot be written: name a new file in a folder that is there")
    key = key_file(file, key)
    if file == key:
        raise AudioError(f"{file}: cannot be the recording and its key: name one of them anew")
    if file.exists():
        raise AudioError(f"{file}: is there already: give the recording a new name")
    text = shipped_profiles().get(name, Path(name)).read_text()
    models = {model: pin.sha256 for model, pin in pins.SHIPPED.items()}
    header = Header(name, text, profile.turns.context, models, __version__)
    kept = recording_key(key, secrets.token_bytes)
    return Recorder(file, kept, header, CIPHERS[profile.storage.cipher], secrets.token_bytes)


def key_file(file: Path, key: Path | None) -> Path:
    """Where a recording's key is kept."""
    return key or file.with_suffix(".key")


def _stored(reader: Reader) -> Stored:
    sealed = [reader.sealed(entry.interaction) for entry in reader.entries()]
    sizes = [size for payloads in sealed for _, size in payloads]
    return Stored(len(sealed), len(sizes), sum(sizes))


def _fares(role: str, device: object) -> str:
    """What a device tells of itself, where it tells anything."""
    if not hasattr(device, "figures"):
        return role
    figures = device.figures()
    counts = {"overflows": figures.overflows, "underflows": figures.underflows}
    counts |= {"ms lost": round(figures.lost_ms), "times re-opened": figures.reopened}
    told = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join([f"{role}: {figures.name or 'not open'}", *told])
