"""Input and output errors: in one life after the other, every access in turn fails, and some after.

Each is a StoreError or harmless, loses nothing acknowledged, and the deed succeeds when done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

from edge.errors import StoreError
from edge.inspection import residue
from tests.campaigns.disk import FAILURES, FULL, OK, Access, Disk
from tests.campaigns.life import Life, State, outcomes

PATIENCE = 12  # accesses fail at most three times


def accesses(home: Path, seed: int, deeds: int, persistent: bool) -> int:
    """How many accesses that may fail this life makes when all goes well."""
    seen = count()

    def passed(access: Access) -> int:
        if access.what in FAILURES:
            next(seen)
        return OK

    with Disk(passed).installed():
        list(outcomes(_life(home, seed, persistent), deeds))
    return next(seen)


def run(
    home: Path, seed: int, deeds: int, step: int, *, persistent: bool, tick: Callable[[], None]
) -> tuple[int, int, list[str]]:
    """Let every `step`-th access fail: (so many did, StoreErrors raised, what was wrong)."""
    story = list(outcomes(_life(home, seed, persistent), deeds))
    tried = range(0, accesses(home, seed, deeds, persistent), step)
    refused = 0
    faults: list[str] = []
    for number, at in enumerate(tried):
        full, length = number % 3 == 2, 1 + number % 2 * 2
        trial = Trial(_life(home, seed, persistent), story)
        with Disk(_failing(at, length, full)).installed():
            wrong = trial.live()
        refused += trial.refused
        if wrong:
            faults.append(f"seed {seed}, access {at}, {length} times, full {full}: {wrong}")
        tick()
    return len(tried), refused, faults


def _life(home: Path, seed: int, persistent: bool) -> Life:
    place = home / "life"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return Life(place, seed, persistent)


def _failing(at: int, length: int, full: bool) -> Callable[[Access], int]:
    """A gate that fails the accesses from the `at`-th on, so many of them."""
    seen = count()

    def gate(access: Access) -> int:
        if access.what not in FAILURES or not at <= next(seen) < at + length:
            return OK
        return FULL if full and access.what == "write" else FAILURES[access.what]

    return gate


class Trial:
    """One life on a disk that fails; `refused` counts the StoreErrors."""

    def __init__(self, life: Life, story: list[tuple[State, State]]) -> None:
        self.refused = 0
        self._life = life
        self._story = story
        self._keys: set[str] = set()

    def live(self) -> str | None:
        """Do every deed, again where it failed; what was wrong, None when nothing was."""
        self._life.prepare()
        try:
            for number in range(len(self._story)):
                if wrong := self._through(number):
                    return f"deed {number}: {wrong}"
            store = self._life.store
            while not self._tried(store.expire):
                pass  # the last accesses are the ones that fail
            if left := residue(store.path, self._keys - set(store.reader.key_ids())):
                return f"{left} pieces of what was deleted remain"
            return "; ".join(store.verify().faults) or None
        finally:
            self._life.close()

    def _through(self, number: int) -> str | None:
        before, after = self._story[number]
        for _ in range(PATIENCE):
            done = self._tried(lambda: self._life.do(number))
            state = self._state(number)
            if state == after:
                self._keys.update(self._life.store.reader.key_ids())
                return None
            if done or state != before:
                return "left neither what was before it nor what is after it"
        return "cannot be done any more"

    def _state(self, number: int) -> State | None:
        """What is alive; None when the store does not open before the failures are over."""
        self._life.now_s = self._life.now_at(number)
        found: list[State] = []
        for _ in range(PATIENCE):
            if self._tried(lambda: found.append(self._life.state())):
                return found[0]
            self._life.close()
        return None

    def _tried(self, what: Callable[[], object]) -> bool:
        try:
            what()
        except StoreError as error:
            self.refused += 1
            if "\n" in str(error):
                raise AssertionError("an error of more than one line") from error
            return False
        return True
