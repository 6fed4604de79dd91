"""Process-wide options and what they mean."""

__all__ = ["options"]


class Options:
    """Options of the running process.

    Attributes
    ----------
    show_patient : bool
        Whether names, dates of birth and the like may be printed and drawn. False by default.
    progress : bool
        Whether long reads show a progress bar in a notebook. True by default.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.options.show_patient
    False
    """

    __slots__ = ("progress", "show_patient")

    def __init__(self) -> None:
        self.show_patient: bool = False
        self.progress: bool = True

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


options = Options()
