"""Who does what when: threads with inboxes in real time, or one thread on a virtual clock.

Both run the same jobs for the same workers. A job returns events; they reach the main
loop's step in order. On the virtual clock an answer arrives at its virtual start plus the
time it took to compute, so hours pass in minutes and a slow part is still late.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from itertools import count
from typing import Protocol, TypeVar

from edge.dialogue import Event, TimedOut

Job = Callable[[], Iterable[Event]]
Step = Callable[[Event], None]
Deadline = Callable[[], float | None]
T = TypeVar("T")

CLOSING_LIMIT_S, LEAVING_LIMIT_S = 10.0, 0.5


class Scheduler(Protocol):
    """What the daemon is written against. Times are seconds of the monotonic clock."""

    def now(self) -> float:
        """The time."""

    def submit(self, worker: str, job: Job) -> None:
        """Have this worker do the job after those it already has."""

    def do(self, worker: str, call: Callable[[], T]) -> T:
        """Call on this worker's thread after the jobs it has, and wait for what it returns."""

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        """Call on the main thread at this time, or as soon as it has passed."""

    def repeat(self, name: str, step: Callable[[], None], every_s: float) -> None:
        """Run a step that blocks for `every_s` (a capture) over and over, beside the rest."""

    def sleep_until(self, when: float) -> None:
        """Wait inside a job or a repeated step."""

    def run(self, step: Step, deadline: Deadline, done: Callable[[], bool]) -> None:
        """Hand events to `step`, TimedOut when `deadline` passes, until done."""

    def close(self) -> None:
        """End; safe to repeat."""


class Threads:
    """One thread a worker, in real time. Close it when done."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self._workers: dict[str, queue.SimpleQueue[Job | None]] = {}
        self._threads: list[threading.Thread] = []
        self._repeats: list[threading.Thread] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._lock = threading.Lock()
        self._numbers = count()
        self._closing = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def submit(self, worker: str, job: Job) -> None:
        with self._lock:
            if worker not in self._workers:
                inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
                self._workers[worker] = inbox
                self._threads.append(self._begin(worker, lambda: self._work(inbox)))
        self._workers[worker].put(job)

    def do(self, worker: str, call: Callable[[], T]) -> T:
        result: Future[T] = Future()

        def job() -> Iterable[Event]:
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)
            return ()

        self.submit(worker, job)
        return result.result()

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        with self._lock:
            heapq.heappush(self._timers, (when, next(self._numbers), call))
        self._inbox.put(None)  # the main loop may sleep past it

    def repeat(self, name: str, step: Callable[[], None], every_s: float) -> None:
        def forever() -> None:
            while not self._closing.is_set():
                step()

        self._repeats.append(self._begin(name, forever))

    def sleep_until(self, when: float) -> None:
        while (left := when - self.now()) > 0 and not self._closing.wait(left):
            pass

    def run(self, step: Step, deadline: Deadline, done: Callable[[], bool]) -> None:
        while not done():
            due = deadline()
            if due is not None and self.now() >= due:
                step(TimedOut())
            elif self._timers and self._timers[0][0] <= self.now():
                self._run_timer()
            else:
                self._take_one(step, self._until_next(due))

    def close(self) -> None:
        """Let every worker finish what it has, then end the threads; safe to repeat.

        A worker that does not finish in time is left behind: it ends with the process. So is,
        sooner, a repeated step that a device keeps waiting: it has nothing to finish.
        """
        self._closing.set()
        for inbox in self._workers.values():
            inbox.put(None)
        for threads, limit_s in (
            (self._repeats, LEAVING_LIMIT_S),
            (self._threads, CLOSING_LIMIT_S),
        ):
            until = self.now() + limit_s
            for thread in threads:
                thread.join(max(0.0, until - self.now()))

    def _begin(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception as error:  # ends the main loop, where it is raised again
                self._inbox.put(error)

        thread = threading.Thread(target=guarded, name=f"edge-{name}", daemon=True)
        thread.start()
        return thread

    def _work(self, inbox: queue.SimpleQueue[Job | None]) -> None:
        while (job := inbox.get()) is not None:
            try:
                for event in job():
                    self._inbox.put(event)
            except Exception as error:  # raised again by the main loop; the worker serves on
                self._inbox.put(error)

    def _run_timer(self) -> None:
        with self._lock:
            _, _, call = heapq.heappop(self._timers)
        call()

    def _until_next(self, deadline: float | None) -> float | None:
        dues = [timer[0] for timer in self._timers[:1]]
        dues += [deadline] if deadline is not None else []
        return max(0.0, min(dues) - self.now()) if dues else None

    def _take_one(self, step: Step, timeout_s: float | None) -> None:
        try:
            event = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return
        if isinstance(event, Exception):
            raise event
        if event is not None:
            step(event)


class Virtual:
    """One thread and a clock that jumps to whatever comes next.

    cost: what a job of a worker that took so many seconds here counts for (projection).
    """

    def __init__(self, cost: Callable[[str, float], float] = lambda worker, took_s: took_s) -> None:
        self._cost = cost
        self._now = 0.0
        self._slept = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._jobs: dict[str, deque[Job]] = defaultdict(deque)
        self._busy: set[str] = set()
        self._step: Step | None = None

    def now(self) -> float:
        return self._now

    def submit(self, worker: str, job: Job) -> None:
        self._jobs[worker].append(job)
        if worker not in self._busy:
            self._busy.add(worker)
            self.call_at(self._now, lambda: self._do_next(worker))

    def do(self, worker: str, call: Callable[[], T]) -> T:
        while self._jobs[worker]:
            list(self._jobs[worker].popleft()())
        return call()

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(when, self._now), next(self._numbers), call))

    def repeat(self, name: str, step: Callable[[], None], every_s: float) -> None:
        def once() -> None:
            step()
            self.call_at(self._now + every_s, once)

        self.call_at(self._now + every_s, once)

    def sleep_until(self, when: float) -> None:
        self._slept += max(0.0, when - self._now - self._slept)

    def run(self, step: Step, deadline: Deadline, done: Callable[[], bool]) -> None:
        self._step = step
        while not done() and self._due:
            due = deadline()
            if due is not None and due <= self._due[0][0]:
                self._now = max(self._now, due)
                step(TimedOut())
                continue
            self._now, _, call = heapq.heappop(self._due)
            call()

    def close(self) -> None:
        """Forget what is left to do; `do` first has a worker finish."""
        self._jobs.clear()
        self._due.clear()

    def _do_next(self, worker: str) -> None:
        jobs = self._jobs[worker]
        self._slept, begun = 0.0, time.perf_counter()
        events = list(jobs.popleft()()) if jobs else []  # `do` may have done it already
        took_s = self._cost(worker, time.perf_counter() - begun) + self._slept
        self.call_at(self._now + took_s, lambda: self._deliver(worker, events))

    def _deliver(self, worker: str, events: list[Event]) -> None:
        if self._jobs[worker]:
            self.call_at(self._now, lambda: self._do_next(worker))
        else:
            self._busy.discard(worker)
        assert self._step is not None
        for event in events:
            self._step(event)
