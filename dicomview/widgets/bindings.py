"""Bindings: controls and the traits of a state, kept the same in both directions."""

from collections.abc import Callable, Sequence
from typing import Any

from traitlets import HasTraits, TraitError

__all__ = ["Bindings"]


class Bindings:
    """Ties controls to a state.

    Parameters
    ----------
    state : HasTraits

    Examples
    --------
    >>> import ipywidgets, numpy as np
    >>> from dicomview import Volume, ViewState
    >>> state = ViewState(Volume.from_array(np.zeros((3, 4, 5))))
    >>> box = ipywidgets.Checkbox()
    >>> bindings = Bindings(state)
    >>> bindings.bind("invert", box)
    >>> box.value = True
    >>> state.invert
    True
    """

    def __init__(self, state: HasTraits) -> None:
        self._state = state
        self._tied: list[tuple[Callable[[Any], None], str | list[str]]] = []

    def bind(
        self,
        trait: str,
        control: Any,
        *,
        show: Callable[[Any], Any] = lambda value: value,
        read: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        """Keep a trait and the value of a control the same.

        Parameters
        ----------
        trait : str
        control : Widget
            With a trait ``value``.
        show, read : callable
            From the trait to the value of the control, and back. What cannot be read, or is refused by the
            state, makes the control show the state again.
        """

        def to_control(change: Any = None) -> None:
            control.value = show(getattr(self._state, trait))

        def to_state(change: Any) -> None:
            if change["new"] == show(getattr(self._state, trait)):
                return
            try:
                setattr(self._state, trait, read(change["new"]))
            except (TraitError, ValueError):
                to_control()
            else:
                to_control()  # it may have been rounded

        self.follow(to_control, trait)
        control.observe(to_state, "value")

    def follow(self, update: Callable[[Any], None], traits: str | Sequence[str]) -> None:
        """Call now and on every change of the traits."""
        names = traits if isinstance(traits, str) else list(traits)
        update(None)
        self._state.observe(update, names)
        self._tied.append((update, names))

    def undo(self) -> None:
        """Let go of the state."""
        for update, names in self._tied:
            self._state.unobserve(update, names)
        self._tied = []
