"""Power cuts: a recorded life, cut at every access, what was not synced dropped, kept or torn.

Keys in RAM and persistent keys: a master key is synced before it is used, so it is whole here.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from edge.errors import StoreError
from tests.campaigns.disk import OK, Access, Disk
from tests.campaigns.life import Life, State, outcomes

HOWS = ("dropped", "kept", "some", "torn at 512", "torn at 4096", "last torn at 512", "torn at 512")
"""What becomes of the writes since the last sync."""

BEYOND = 1000  # a deed that no story has
Story = list[tuple[State, State]]
"""What was alive before and after each deed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One access, the deed in which it was made, and the key files then."""

    access: Access
    deed: int
    keys: dict[str, bytes]


@dataclass
class Medium:
    """What would be found after a cut: names and contents that are safe, and those on their way."""

    names: dict[str, int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    renamed: list[Access] = field(default_factory=list)
    written: list[Access] = field(default_factory=list)
    unnamed: set[int] = field(default_factory=set)

    def take(self, access: Access) -> None:
        """One access more; a sync makes it and what was before it safe."""
        match access.what:
            case "write" | "truncate":
                self.written.append(access)
            case "created":
                self.contents[access.file] = b""
                self.renamed.append(access)
                # SQLite syncs the directory with the first sync of a log, not of the database.
                self.unnamed |= {access.file} if "-" in access.name else set()
            case "delete":
                self.renamed.append(access)
                self._sync_names(bool(access.offset))
            case "sync":
                kept = [one for one in self.written if one.file == access.file]
                self.contents = _applied(self.contents, kept)
                self.written = [one for one in self.written if one.file != access.file]
                self._sync_names(access.file in self.unnamed)

    def after_cut(self, how: str, chance: random.Random) -> dict[str, bytes]:
        """name → content, as it may be found."""
        renamed, written = self.renamed, self.written
        if how == "dropped":
            renamed, written = [], []
        elif how == "last torn at 512" and written:
            pieces = [*_pieces(written[-1], 512)]
            written = written[:-1] + pieces[: chance.randint(0, len(pieces))]
        elif how != "kept":
            size = {"some": 1 << 30, "torn at 512": 512, "torn at 4096": 4096}.get(how, 512)
            pieces = [piece for one in written for piece in _pieces(one, size)]
            share = chance.choice((0.2, 0.5, 0.9))
            written = [piece for piece in pieces if chance.random() < share]
            renamed = renamed[: chance.randint(0, len(renamed))]
        contents = _applied(self.contents, written)
        return {name: contents[file] for name, file in _named(self.names, renamed).items()}

    def _sync_names(self, synced: bool) -> None:
        if synced:
            self.names, self.renamed = _named(self.names, self.renamed), []
            self.unnamed.clear()


def _named(names: dict[str, int], renamed: list[Access]) -> dict[str, int]:
    names = dict(names)
    for access in renamed:
        names.pop(access.name, None)
        if access.what == "created":
            names[access.name] = access.file
    return names


def _applied(contents: dict[int, bytes], accesses: list[Access]) -> dict[int, bytes]:
    changed = {one.file: bytearray(contents[one.file]) for one in accesses}
    for one in accesses:
        content = changed[one.file]
        content.extend(bytes(max(0, one.offset + len(one.content) - len(content))))
        if one.what == "truncate":
            del content[one.offset :]
        else:
            content[one.offset : one.offset + len(one.content)] = one.content
    return contents | {file: bytes(content) for file, content in changed.items()}


def _pieces(access: Access, sector_bytes: int) -> Iterator[Access]:
    """The access as the sectors see it."""
    if access.what == "truncate":
        yield access
        return
    at, content = access.offset, access.content
    while content:
        size = sector_bytes - at % sector_bytes
        yield replace(access, offset=at, content=content[:size])
        at, content = at + size, content[size:]


def record(home: Path, seed: int, deeds: int, persistent: bool) -> tuple[Story, list[Moment]]:
    """Live, and write down what was asked of the disk."""
    moments: list[Moment] = []
    life = Life(home, seed, persistent)

    def note(access: Access) -> int:
        if access.what != "create":
            keys = {file.name: file.read_bytes() for file in home.glob("master*")}
            moments.append(Moment(access, life.deed, keys))
        return OK

    with Disk(note).installed():
        return list(outcomes(life, deeds)), moments


def run(
    home: Path, seed: int, cuts: int, deeds: int, *, persistent: bool, tick: Callable[[], None]
) -> list[str]:
    """So many cuts over one life; what was wrong after which."""
    (home / "recorded").mkdir()
    story, moments = record(home / "recorded", seed, deeds, persistent)
    shutil.rmtree(home / "recorded")
    chance = random.Random(seed)
    medium = Medium()
    faults: list[str] = []
    for at, (moment, following) in enumerate(pairwise([*moments, None])):
        assert moment
        medium.take(moment.access)
        acknowledged = following is None or following.deed != moment.deed
        before, after = story[moment.deed]
        possible = ({},) if not persistent else (after,) if acknowledged else (before, after)
        # As many cuts after this access as even shares give.
        shares = range(at * cuts // len(moments), (at + 1) * cuts // len(moments))
        for number in shares:
            how = HOWS[number % len(HOWS)]
            files = medium.after_cut(how, chance) | moment.keys
            shm = {"store.db-shm": chance.randbytes(32768)} if chance.random() < 0.1 else {}
            _found(home / "cut", files | shm)
            life = Life(home / "cut", seed, persistent, boot="b2")
            life.now_s = life.now_at(moment.deed)
            if wrong := _wrong(life, possible):
                faults.append(f"seed {seed}, deed {moment.deed}, access {at}, {how}: {wrong}")
            tick()
    return faults


def _found(place: Path, files: dict[str, bytes]) -> None:
    """The card, as it is found when the power is back."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, content in files.items():
        file = place / name
        file.touch(0o600)
        file.write_bytes(content)


def _wrong(life: Life, possible: Iterable[State]) -> str | None:
    """What is wrong with a store that is opened after the cut; None when nothing is."""
    try:
        if life.state() not in possible:
            return "something acknowledged is lost, or something is there that never was"
        life.do(life.deed + BEYOND)
        return "; ".join(life.store.verify().faults) or None
    except StoreError as error:
        return str(error)
    finally:
        life.close()
