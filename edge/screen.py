"""Shows a conversation on a thread of its own: a view in a terminal, lines everywhere else.

Whoever has something to show leaves it here and never waits, whatever the terminal does. Words
go to this output and nowhere else.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from edge.dialogue import LoudspeakerLost, MicBack, MicLost, MicOpened, PlaybackFinished
from edge.panel import Panel
from edge.protocols import Frame
from edge.session import State
from edge.telling import Telling
from edge.view import Known, Seen, View

TICK_S = 0.1
FRAMES_KEPT = 50
NOTES_KEPT = 2
LEAVING_LIMIT_S = 1.0
STDERR, STDERR_KEPT_BYTES = 2, 4000
EVENTS_KEPT = 500
"""Of a terminal that takes nothing for minutes, words are not kept either."""


class Screen:
    """One console, for one conversation.

    failed: whether it shows nothing any more, because its output is closed.
    """

    def __init__(self, console: Console, title: str, now: Callable[[], float]) -> None:
        self._console = console
        self._title = title
        self._now = now
        self._view = View(title)
        self._telling = Telling(console)
        self._seen: deque[Seen] = deque(maxlen=EVENTS_KEPT)
        self._frames: deque[Frame] = deque(maxlen=FRAMES_KEPT)
        self._over = threading.Event()
        self._error: BaseException | None = None

    @property
    def failed(self) -> bool:
        return self._error is not None

    def see(self, seen: Seen) -> None:
        """Show this event soon; never waits."""
        self._seen.append(seen)

    def hear(self, frame: Frame) -> None:
        """Show this sound's level soon; never waits."""
        self._frames.append(frame)

    @contextmanager
    def showing(self, known: Callable[[], Known]) -> Iterator[None]:
        """Meanwhile all is shown; what that failed with is raised at the end."""
        thread = threading.Thread(target=self._show, args=(known,), name="edge-view", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(LEAVING_LIMIT_S)  # a terminal that takes nothing is left behind
        if self._error:
            raise self._error

    def _show(self, known: Callable[[], Known]) -> None:
        try:
            if self._console.is_terminal and not self._console.is_dumb_terminal:
                self._draw(known)
            else:
                self._tell()
        except (Exception, SystemExit) as error:  # the latter is rich's for a closed pipe
            self._error = error

    def _ticks(self) -> Iterator[None]:
        """At once, ten times a second, and once more when it is over."""
        yield
        while not self._over.wait(TICK_S):
            yield
        yield

    def _draw(self, known: Callable[[], Known]) -> None:
        with (
            warnings() as notes,
            stderr_kept(),
            Live(console=self._console, auto_refresh=False) as display,
        ):
            for _ in self._ticks():
                while self._seen:
                    self._view.see(self._seen.popleft())
                now = self._now()
                self._view.meter.take(self._sound(), now)
                shown = self._view.snapshot(now, known(), tuple(notes))
                display.update(Panel(shown), refresh=True)

    def _sound(self) -> bytes:
        return b"".join(self._frames.popleft().pcm for _ in range(len(self._frames)))

    def _tell(self) -> None:
        self._telling.begin(self._title, "Ctrl-C ends")
        for _ in self._ticks():
            while self._seen:
                self._tell_one(self._seen.popleft())

    def _tell_one(self, seen: Seen) -> None:
        self._view.see(seen)
        self._telling.observe(seen.event, seen.commands)
        match seen.event:
            case PlaybackFinished() if seen.commands:
                self._telling.window(seen.event, self._view.reply.turn(seen.at))
            case MicOpened() if seen.state is State.EXPECTING:
                self._telling.window(seen.event, self._view.reply.turn(seen.at))
            case MicLost():
                self._console.print("  [yellow]no microphone[/]")
            case MicBack():
                self._console.print("  [yellow]the microphone is there again[/]")
            case LoudspeakerLost():
                self._console.print("  [yellow]no loudspeaker[/]")


@contextmanager
def warnings() -> Iterator[deque[str]]:
    """The newest warnings of the program, kept off the terminal meanwhile."""
    notes: deque[str] = deque(maxlen=NOTES_KEPT)
    logger = logging.getLogger("edge")
    propagate, logger.propagate = logger.propagate, False
    handler = Noting(notes)
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


class Noting(logging.Handler):
    """Keeps what is logged as lines, and writes nothing."""

    def __init__(self, notes: deque[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes.append(record.getMessage())


@contextmanager
def stderr_kept() -> Iterator[None]:
    """Native libraries write to a terminal when they like: its end is shown when this is over."""
    if not os.isatty(STDERR):
        yield
        return
    terminal, kept = os.dup(STDERR), os.memfd_create("stderr")
    os.dup2(kept, STDERR)
    try:
        yield
    finally:
        os.dup2(terminal, STDERR)
        written = os.fstat(kept).st_size
        os.write(terminal, os.pread(kept, STDERR_KEPT_BYTES, max(0, written - STDERR_KEPT_BYTES)))
        os.close(kept)
        os.close(terminal)
