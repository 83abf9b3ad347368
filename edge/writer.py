"""The thread that writes: one after the other, in the order given. It knows nothing of a store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, ParamSpec, Protocol, TypeVar

from edge.errors import StoreError


class Closable(Protocol):
    """What the thread owns."""

    def close(self) -> None:
        """Let go of everything."""


S = TypeVar("S", bound=Closable)
P = ParamSpec("P")
T = TypeVar("T")


class WriterThread(Generic[S]):
    """A thread that owns a store and carries out what is submitted; `close` drains it first."""

    store: S

    def __init__(self, open_store: Callable[[], S]) -> None:
        """Start, and open the store in the thread; whatever opening raises is raised here."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            self.store = self._executor.submit(open_store).result()
        except BaseException:
            self._executor.shutdown()
            raise

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue one call; StoreError after `close`."""
        try:
            return self._executor.submit(function, *args, **kwargs)
        except RuntimeError:
            raise StoreError("the store is closed: nothing more can be written") from None

    def close(self) -> None:
        """Carry out what is queued, close the store, end the thread; again does nothing."""
        try:
            closing = self.submit(self.store.close)
        except StoreError:
            return
        self._executor.shutdown()
        closing.result()
