"""Real child processes: what they answer, what they may not do, and how they are lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import EngineError, WorkerGone
from edge.worker import BACK_OFF_S, HEALTHY_S, Child, Confinement, Supervised, engine

TARGET = "edge.engines.faulty:hosted"
CONFINED = Confinement(memory_mb=120, nice=5)


@pytest.fixture
def child() -> Iterator[Child]:
    started = Child(TARGET, {}, CONFINED)
    yield started
    started.kill()


def test_a_question_is_answered(child: Child) -> None:
    assert child.call("echo", {"say": "ä\0ß"}, b"\0\xff" * 50_000) == (
        {"nice": min(19, os.nice(0) + 5), "said": "ä\0ß"},
        b"\0\xff" * 50_000,
    )


def test_an_engines_error_is_said_and_the_child_goes_on(child: Child) -> None:
    with pytest.raises(EngineError, match="cannot do this one"):
        child.call("fail", {})
    assert child.call("echo", {})[1] == b""


def test_what_a_library_prints_does_not_reach_us(child: Child) -> None:
    assert child.call("print", {}) == ({}, b"")
    assert child.call("echo", {}, b"still in step")[1] == b"still in step"


@pytest.mark.parametrize("how", ["crash", "exit", "open", "surprise"])
def test_a_child_that_dies_is_gone_at_once(child: Child, how: str) -> None:
    with pytest.raises(WorkerGone):
        child.call(how, {"path": "/etc/hostname"})
    with pytest.raises(WorkerGone):
        child.call("echo", {})


def test_a_child_that_hoards_memory_is_gone(child: Child) -> None:
    with pytest.raises(WorkerGone):
        child.call("hoard", {"megabytes": 400})


def test_a_child_that_hangs_is_killed_at_its_limit(child: Child) -> None:
    with pytest.raises(WorkerGone, match="no answer within its limit"):
        child.call("hang", {}, limit_s=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_stopped_child_that_reads_nothing_is_killed_at_its_limit(child: Child) -> None:
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(WorkerGone, match="no answer within its limit"):
        child.call("echo", {}, bytes(1 << 20), limit_s=0.2)


def test_no_module_of_the_current_folder_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    child = Child(TARGET, {}, CONFINED)
    assert child.call("echo", {}, b"ours")[1] == b"ours"
    child.kill()


def test_a_stopped_child_is_killed_at_its_limit(child: Child) -> None:
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(WorkerGone):
        child.call("echo", {}, limit_s=0.2)


def test_an_engine_that_cannot_start_says_why() -> None:
    with pytest.raises(EngineError, match="not the one that is pinned"):
        Child(TARGET, {"refuse": True}, CONFINED)


def test_it_inherits_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("EDGE_SECRET", "not for children")
    child = Child(TARGET, {}, CONFINED)
    with open(f"/proc/{child.pid}/environ", "rb") as environment:
        assert b"not for children" not in environment.read()
    fds = {os.readlink(f"/proc/{child.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{child.pid}/fd")}
    assert all(name == "/dev/null" or name.startswith("pipe:") for name in fds)
    child.kill()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_lost_child_comes_back_later_each_time() -> None:
    clock = Clock()
    supervised = Supervised(lambda: Child(TARGET, {}, CONFINED), clock)
    for back_off_s in BACK_OFF_S[:2]:
        with pytest.raises(WorkerGone, match="died"):
            supervised.call("crash", {}, b"", 10.0)
        with pytest.raises(WorkerGone, match="kept down"):
            supervised.call("echo", {}, b"", 10.0)
        clock.now += back_off_s
        assert supervised.call("echo", {}, b"back", 10.0)[1] == b"back"
    assert supervised.losses == 2
    clock.now += HEALTHY_S + 1
    with pytest.raises(WorkerGone, match="died"):
        supervised.call("crash", {}, b"", 10.0)
    assert supervised.losses == 1, "it lived long enough to be forgiven"
    supervised.close()
    clock.now += 1e9
    with pytest.raises(WorkerGone, match="kept down"):
        supervised.call("echo", {}, b"", 10.0)


def test_an_unknown_engine_names_those_there_are() -> None:
    with pytest.raises(EngineError, match=r"'whisper' is installed; there are: .*pocketsphinx"):
        engine("edge.recognizer", "whisper")
