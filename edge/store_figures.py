"""Measures the dialogue store in the thread that writes to it, in turns with its rivals.

Each figure is a function. Nothing is tuned to the machine, and no clock but perf_counter is asked.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from edge.dialogue import Kind, Note, Payload
from edge.rivals import Rival, fill
from edge.seal import KEY_BYTES, Binding, Cipher, Key, seal
from edge.soundless import Turns
from edge.store import SqliteStore

INTERACTIONS = 16
PROC_IO = Path("/proc/self/io")


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the rounds' ratios, and the 95 % interval of that median."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Samples:
    """name → rounds → nanoseconds of each call."""

    rounds: Mapping[str, Sequence[Sequence[int]]]

    def us(self, name: str, share: float = 0.5) -> float:
        """The time within which this share of all calls was done; microseconds."""
        every = sorted(time for one in self.rounds[name] for time in one)
        return every[min(len(every) - 1, int(share * len(every)))] / 1000

    def per_s(self, name: str) -> float:
        """Calls in a second, one after the other."""
        every = [time for one in self.rounds[name] for time in one]
        return len(every) * 1e9 / sum(every)

    def ratio(self, one: str, other: str, cost: Callable[[Iterable[int]], float] = median) -> Ratio:
        """The cost of a call of one by that of the other, round by round.

        cost: the median call (p50), or the mean, in which every checkpoint has its share.
        """
        pairs = zip(self.rounds[one], self.rounds[other], strict=True)
        ratios = sorted(cost(mine) / cost(theirs) for mine, theirs in pairs)
        # The order statistics that hold the true median in 95 of 100 cases, whatever is measured.
        low = max(0, int((len(ratios) - 1.96 * math.sqrt(len(ratios))) / 2))
        return Ratio(median(ratios), ratios[low], ratios[-1 - low])


def interleaved(
    rivals: Mapping[str, tuple[Rival, int]],
    rounds: int,
    appends: int,
    tick: Callable[[], None],
) -> Samples:
    """Time appends, the rivals taking turns; name → (rival, bytes of payload beside the events).

    appends: to each of 16 new interactions in each round.
    """
    times: dict[str, list[list[int]]] = {name: [] for name in rivals}
    for number in range(rounds):
        names = [f"r{number}-{one}" for one in range(INTERACTIONS)]
        order = list(rivals.items())
        for name, (rival, size_bytes) in order if number % 2 else reversed(order):
            for interaction in names:
                rival.begin(interaction, words(size_bytes))
            times[name].append(timed(rival.append, names * appends))
        tick()
    return Samples(times)


def timed(call: Callable[[str], object], arguments: Iterable[str]) -> list[int]:
    """Nanoseconds of each call."""
    times = []
    for argument in arguments:
        begun = perf_counter_ns()
        call(argument)
        times.append(perf_counter_ns() - begun)
    return times


def words(size_bytes: int) -> bytes:
    """So much that could have been said."""
    return (b"call meg bauer " * (size_bytes // 15 + 1))[:size_bytes]


def growth(rival: Rival, path: Path, most: int, tick: Callable[[], None]) -> dict[int, float]:
    """Rows in the table → p50 microseconds of an append to any of them."""
    found: dict[int, float] = {}
    rows, calls = 100, 1000
    before = 0
    rival.begin("model-0", words(20))
    while rows <= most:
        fill(path, before, rows)
        chosen = [f"row-{secrets.randbelow(rows)}" for _ in range(calls)]
        found[rows] = median(timed(rival.append, chosen)) / 1000
        before, rows = rows, rows * 10
        tick()
    return found


def bytes_per_event(rival: Rival, path: Path, events: int) -> dict[str, float | None]:
    """What an event costs the card.

    written: as the kernel counts it for this process; None where it does not. log: of it, what
    SQLite appended to its log, by the pages.
    """
    names = [f"w-{one}" for one in range(INTERACTIONS)]
    for interaction in names:
        rival.begin(interaction, words(20))
    log, first = Path(f"{path}-wal"), INTERACTIONS * 8
    before_bytes = log.stat().st_size
    timed(rival.append, names * 8)
    log_bytes = (log.stat().st_size - before_bytes) / first
    before = _written_bytes()
    timed(rival.append, names * (events // INTERACTIONS))
    after = _written_bytes()
    written = None if before is None or after is None else (after - before) / events
    return {"written": written or None, "log": log_bytes}


def _written_bytes() -> int | None:
    if not PROC_IO.exists():
        return None
    return int(dict(line.split(": ") for line in PROC_IO.read_text().splitlines())["write_bytes"])


def seal_shares(store: SqliteStore, sizes: Sequence[int], rounds: int) -> dict[int, float]:
    """Payload bytes → p50 of sealing it by p50 of the commit that keeps it."""
    key = Key(secrets.token_bytes(KEY_BYTES))
    return {size_bytes: _seal_share(store, key, size_bytes, rounds) for size_bytes in sizes}


def _seal_share(store: SqliteStore, key: Key, size_bytes: int, rounds: int) -> float:
    payload = Payload(Kind.REPLY, words(size_bytes))
    commits, seals = [], []
    for number in range(rounds):
        name = f"seal-{size_bytes}-{number}"
        store.begin(f"seal-{number}", name, Note.WAKE)
        commits += timed(lambda i: store.append(i, Note.SPEAK, None, [payload]), [name] * 8)
        seals += timed(lambda _: _sealed(key, payload), [name] * 8)
    return median(seals) / median(commits)


def _sealed(key: Key, payload: Payload) -> bytes:
    binding = Binding("seal-1", "seal-20000-1", 1, payload.kind, 1 << 40)
    cipher, randomness = Cipher.AES_256_GCM, secrets.token_bytes
    return seal(key, payload.content, binding, cipher=cipher, seals=0, randomness=randomness)


def unseals(store: SqliteStore, turns: int, *, asking: bool) -> int:
    """How many payloads are opened in so many turns of one dialogue, all asking or none."""
    before = store.reader.unseals()
    customer = Turns(store, f"turn-{asking:d}", asking=asking)
    for _ in range(turns):
        customer.take()
    return store.reader.unseals() - before
