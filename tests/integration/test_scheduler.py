"""Both schedulers keep the same contract; the virtual one is a clock that can be reckoned with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.dialogue import Event, MicBack, Muted, TimedOut, Unmuted
from edge.scheduler import Job, Scheduler, Threads, Virtual


@pytest.fixture(params=[Threads, Virtual])
def scheduler(request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    with closing(request.param()) as made:
        yield made


def answer(*events: Event) -> Job:
    return lambda: events


def noting(done: list[int], number: int) -> Job:
    def job() -> tuple[Event, ...]:
        done.append(number)
        return ()

    return job


def collect(scheduler: Scheduler, count: int) -> list[Event]:
    seen: list[Event] = []
    scheduler.run(seen.append, lambda: None, lambda: len(seen) >= count)
    return seen


def test_a_worker_does_its_jobs_in_order(scheduler: Scheduler) -> None:
    scheduler.submit("one", answer(Muted(), Unmuted()))
    scheduler.submit("one", answer(MicBack()))
    assert collect(scheduler, 3) == [Muted(), Unmuted(), MicBack()]


def test_timed_out_is_made_when_the_deadline_passes(scheduler: Scheduler) -> None:
    begun_at = scheduler.now()
    deadlines = [begun_at + 0.05]
    seen: list[tuple[Event, float]] = []

    def step(event: Event) -> None:
        seen.append((event, scheduler.now()))
        deadlines.clear()

    scheduler.call_at(begun_at + 30.0, lambda: None)
    scheduler.run(step, lambda: deadlines[0] if deadlines else None, lambda: bool(seen))
    assert seen[0][0] == TimedOut()
    assert seen[0][1] >= begun_at + 0.05


def test_calls_come_in_the_order_of_their_times(scheduler: Scheduler) -> None:
    called: list[str] = []
    now = scheduler.now()
    scheduler.call_at(now + 0.02, lambda: called.append("later"))
    scheduler.call_at(now + 0.01, lambda: called.append("sooner"))
    scheduler.run(lambda event: None, lambda: None, lambda: len(called) == 2)
    assert called == ["sooner", "later"]


def test_the_last_call_may_end_the_run(scheduler: Scheduler) -> None:
    over: list[bool] = []
    scheduler.call_at(scheduler.now(), lambda: over.append(True))
    scheduler.run(lambda event: None, lambda: None, lambda: bool(over))
    assert over == [True]


def test_do_waits_for_the_worker_and_gives_its_result(scheduler: Scheduler) -> None:
    done: list[int] = []
    scheduler.submit("one", noting(done, 1))
    assert scheduler.do("one", lambda: [*done, 2]) == [1, 2]


def test_do_raises_what_was_raised(scheduler: Scheduler) -> None:
    def fail() -> None:
        raise LookupError("there")

    with pytest.raises(LookupError, match="there"):
        scheduler.do("one", fail)


def test_a_repeated_step_goes_on_beside_the_rest(scheduler: Scheduler) -> None:
    steps: list[float] = []

    def step() -> None:
        scheduler.sleep_until(scheduler.now() + 0.001)
        steps.append(scheduler.now())

    scheduler.repeat("capture", step, 0.001)
    scheduler.call_at(scheduler.now() + 0.05, lambda: scheduler.submit("one", answer(Muted())))
    assert collect(scheduler, 1) == [Muted()]
    assert len(steps) >= 5


def test_an_error_in_a_job_ends_the_main_loop(scheduler: Scheduler) -> None:
    def broken() -> tuple[Event, ...]:
        raise LookupError("a programming error")

    scheduler.submit("one", broken)
    with pytest.raises(LookupError):
        collect(scheduler, 1)
    assert scheduler.do("one", lambda: "still there") == "still there"


def test_each_worker_has_a_thread_of_its_own() -> None:
    with closing(Threads()) as threads:
        names = {threads.do(name, lambda: threading.current_thread().name) for name in "ab"}
    assert names == {"edge-a", "edge-b"}


def test_closing_threads_lets_them_finish_what_they_have() -> None:
    done: list[int] = []
    threads = Threads()
    for number in range(50):
        threads.submit("one", noting(done, number))
    threads.close()
    threads.close()
    assert done == list(range(50))


def test_a_virtual_answer_comes_after_the_time_it_took() -> None:
    virtual = Virtual(cost=lambda worker, took_s: {"slow": 3.0, "quick": 0.5}[worker])
    virtual.submit("slow", answer(Muted()))
    virtual.submit("slow", answer(Unmuted()))
    virtual.submit("quick", answer(MicBack()))
    at: list[tuple[Event, float]] = []
    virtual.run(lambda e: at.append((e, virtual.now())), lambda: None, lambda: len(at) == 3)
    assert at == [(MicBack(), 0.5), (Muted(), 3.0), (Unmuted(), 6.0)]


def test_virtual_sleep_counts_as_time_taken() -> None:
    virtual = Virtual(cost=lambda worker, took_s: 0.0)

    def sleepy() -> tuple[Event, ...]:
        virtual.sleep_until(virtual.now() + 20.0)
        return (Muted(),)

    virtual.submit("one", sleepy)
    assert collect(virtual, 1) == [Muted()]
    assert virtual.now() == 20.0
