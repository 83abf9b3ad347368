"""`edge store`: look at the dialogue store, check it, delete from it, while no daemon has it.

Never shows a word unless it is asked to, and never makes a store.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from edge import inspection
from edge.dialogue import Entry, Kind, Payload
from edge.errors import StoreError
from edge.keys import Keys, PersistentKeys, RamKeys
from edge.reader import Reader
from edge.schema import locked
from edge.seal import Cipher
from edge.store import Clock, SqliteStore

DATABASE = "dialogue.db"
_WORDS = (Kind.UTTERANCE, Kind.REPLY, Kind.CATALOGUE)
_UNUSED_TTL_S = 1.0  # nothing is begun here


@dataclass(frozen=True, slots=True)
class Place:
    """A store that no daemon has. key: file of its master key, None when its keys are in RAM."""

    state: Path
    runtime: Path
    key: Path | None

    @property
    def path(self) -> Path:
        """The database; StoreError when there is none."""
        path = self.state / DATABASE
        if not path.exists():
            raise StoreError(f"{path}: there is no store; --state says where it is")
        return path

    def now_ms(self) -> int:
        """The time of the store's clock."""
        clock = Clock.of_this_machine()
        return int((clock.wall() if self.key else clock.boottime()) * 1000)

    @contextmanager
    def reader(self) -> Iterator[tuple[Reader, Keys]]:
        """To read from; nothing is changed, whichever keys there are."""
        with ExitStack() as stack:
            stack.enter_context(locked(self.path))
            keys = self._keys()
            stack.callback(keys.close)
            reader = Reader(self.path, keys, self.now_ms)
            stack.callback(reader.close)
            if isinstance(keys, PersistentKeys):
                keys.require(reader.master_ids())
            elif reader.master_ids():
                raise StoreError(f"{self.path}: needs its persistent key: name its file in --key")
            yield reader, keys

    @contextmanager
    def store(self) -> Iterator[SqliteStore]:
        """To write to; as at a daemon's start, rows that no key opens are deleted first."""
        store = SqliteStore(
            self.path,
            self._keys(),
            Clock.of_this_machine(),
            ttl_s=_UNUSED_TTL_S,
            cipher=Cipher.CHACHA20_POLY1305,
            randomness=secrets.token_bytes,
        )
        try:
            yield store
        finally:
            store.close()

    def _keys(self) -> Keys:
        if self.key:
            return PersistentKeys(self.key, secrets.token_bytes, Cipher.CHACHA20_POLY1305)
        return RamKeys(self.runtime, secrets.token_bytes)


def _placed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its place and --json."""

    @wraps(command)
    def placed(state: Path, runtime: Path, key: Path | None, **options: Any) -> None:
        command(Place(state, runtime, key), **options)

    folder = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout."),
        click.option(
            "--key",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Master key of a store whose keys are persistent.",
        ),
        click.option(
            "--runtime",
            type=folder,
            envvar="RUNTIME_DIRECTORY",
            default="/run/edge",
            show_default=True,
            help="Where the keys live in RAM.",
        ),
        click.option(
            "--state",
            type=folder,
            envvar="STATE_DIRECTORY",
            default="/var/lib/edge",
            show_default=True,
            help="Where the database lies.",
        ),
    ):
        placed = option(placed)
    return placed


@click.group
def store() -> None:
    """The dialogue store: look at it, check it, delete from it."""


@store.command
@_placed
@click.option("--open", "opened", is_flag=True, help="Open what is sealed: shows words.")
def show(place: Place, opened: bool, as_json: bool) -> None:
    """Every live interaction: its events, and how much is sealed."""
    with place.reader() as (reader, _):
        now_s = place.now_ms() / 1000
        found = [_shown(reader, entry, now_s, opened) for entry in reader.entries()]
    _say(as_json, {"interactions": found}, "\n".join(map(_as_text, found)) or "nothing is alive")


@store.command
@_placed
def verify(place: Place, as_json: bool) -> None:
    """Check the file, hold every event against the vocabulary, open every payload."""
    with place.reader() as (_, keys):
        verdict = inspection.verify(place.path, keys, place.now_ms())
    counted = (
        f"{verdict.interactions} interactions, {verdict.payloads} payloads opened, "
        f"{verdict.discarded} discarded"
    )
    _say(as_json, asdict(verdict), "\n".join((counted, *verdict.faults)))
    if verdict.faults:
        raise StoreError(f"{place.path}: {len(verdict.faults)} faults: delete it, or what is named")


@store.command
@_placed
@click.option("--dialogue", metavar="ID", help="This dialogue.")
@click.option("--all", "everything", is_flag=True, help="Every dialogue.")
def forget(place: Place, dialogue: str | None, everything: bool, as_json: bool) -> None:
    """Delete, and prove it: search the raw files for what was sealed."""
    if everything == (dialogue is not None):
        raise click.UsageError("say either --dialogue ID or --all")
    marks = inspection.marks_of(place.path, dialogue)
    with place.store() as opened:
        before = set(opened.reader.key_ids())
        forgotten = opened.forget_all() if everything else opened.forget(dialogue or "")
        keys = len(before - set(opened.reader.key_ids()))
        searched_bytes = sum(file.stat().st_size for file in inspection.files(place.path))
        remains = inspection.remains(place.path, marks)
    answer = {
        "interactions": forgotten,
        "keys": keys,
        "left_over": opened.left_over,
        "searched_bytes": searched_bytes,
        "remains": remains,
    }
    text = (
        f"forgot {forgotten} interactions and {keys} keys; searched {searched_bytes} bytes of its "
        f"files: {remains} pieces of what was sealed remain"
    )
    _say(as_json, answer, _with_left_over(text, opened.left_over))
    if remains:
        raise StoreError(
            f"{place.path}: another program still reads its log, which empties when that closes"
        )


@store.command
@_placed
def expire(place: Place, as_json: bool) -> None:
    """Delete what has expired, as the daemon does every second."""
    with place.store() as opened:
        expired = opened.expire()
    answer = {"interactions": expired, "left_over": opened.left_over}
    _say(as_json, answer, _with_left_over(f"{expired} interactions expired", opened.left_over))


@store.command
@_placed
def rotate_key(place: Place, as_json: bool) -> None:
    """Put a new master key in place of the old one."""
    with place.store() as opened:
        count = opened.rotate_key()
    _say(as_json, {"interactions": count}, f"{count} interactions are under the new key")


@store.command
@_placed
def stats(place: Place, as_json: bool) -> None:
    """Count what is alive, and measure the files."""
    with locked(place.path):
        counted = asdict(inspection.stats(place.path, place.now_ms()))
    _say(as_json, counted, "\n".join(f"{name:16}{value}" for name, value in counted.items()))


def _shown(reader: Reader, entry: Entry, now_s: float, opened: bool) -> dict[str, Any]:
    sealed: list[dict[str, Any]] = [
        {"kind": kind, "bytes": size} for kind, size in reader.sealed(entry.interaction)
    ]
    if opened:
        contents = reader.unseal(entry.dialogue, Kind)
        mine = [payload for interaction, payload in contents if interaction == entry.interaction]
        for row, payload in zip(sealed, mine, strict=True):
            row["content"] = _content(payload)
    return {
        "dialogue": entry.dialogue,
        "interaction": entry.interaction,
        "revision": entry.revision,
        "expires_in_s": round(entry.expires_at - now_s, 3),
        "events": entry.events,
        "sealed": sealed,
    }


def _content(payload: Payload) -> str:
    """Words as they are, a vector in hexadecimal."""
    return payload.content.decode() if payload.kind in _WORDS else payload.content.hex()


def _as_text(shown: dict[str, Any]) -> str:
    head = "{dialogue} {interaction}  revision {revision}, {expires_in_s} s left".format(**shown)
    rows = [
        f"    {row['kind']:10}{row['bytes']:6} bytes sealed  {row.get('content', '')}".rstrip()
        for row in shown["sealed"]
    ]
    return "\n".join((head, "  " + " ".join(shown["events"]), *rows))


def _with_left_over(text: str, left_over: int) -> str:
    return f"{text}; {left_over} that no key opens were deleted" if left_over else text


def _say(as_json: bool, answer: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(answer) if as_json else text)
