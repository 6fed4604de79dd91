"""Locked: traits that one thread at a time changes, and sees changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from traitlets import HasTraits

__all__ = ["Locked"]

#: Seconds to wait for another thread. Two views that ``traitlets.link`` ties may wait for each other;
#: :func:`dicomview.link` never does.
PATIENCE = 10.0


class Locked(HasTraits):
    """Traits that are assigned under a lock, until all who observe them have been told.

    A cell may run on one thread while events of the page come on another.

    Attributes
    ----------
    lock : RLock
        Held while a change is made and seen; to be held by whoever reads several traits that belong together.
    """

    lock: RLock

    def setup_instance(self, *args: Any, **kwargs: Any) -> None:
        """Make the lock, before anything is assigned."""
        self.lock = RLock()
        super().setup_instance(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if not self.has_trait(name):
            super().__setattr__(name, value)
            return
        with self._locked():
            super().__setattr__(name, value)

    def set_trait(self, name: str, value: Any) -> None:
        """Assign a trait."""
        with self._locked():
            super().set_trait(name, value)

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Tell of what is assigned meanwhile only at the end; other threads wait until then."""
        with self._locked(), super().hold_trait_notifications():
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        is_held = self.lock.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if is_held:
                self.lock.release()
