"""Process-wide options and what they mean."""

__all__ = ["options"]


class Options:
    """Options of the running process.

    Attributes
    ----------
    show_patient : bool
        Whether names, dates, identifiers and all else that may tell who somebody is may be printed and drawn:
        the elements of the basic profile of DICOM (PS3.15, table E.1-1). False by default.
    show_descriptions : bool
        Whether those of them may be that describe a series, a study or a region, such as SeriesDescription
        and ROIName: people type names into these too. False by default; ``show_patient`` includes it.
    progress : bool
        Whether long reads show a progress bar in a notebook. True by default.
    memory_budget : float or int or None
        How much memory the array of one volume may take: up to 1 a part of what is free, above that a number
        of bytes; None for any amount. Half of what is free by default.
    isolate : bool
        Whether compressed pixels are decoded in a few processes of their own, where a damaged file that makes
        a decoder crash, hang or fill the memory costs one error and not this process. True by default; where
        no process can be started they are decoded in this one, with a warning.
    redact_paths : bool
        Whether errors, warnings and reports say "a file" in place of a file's name. False by default: names
        are shown, and folders never.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.options.show_patient
    False
    """

    __slots__ = ("isolate", "memory_budget", "progress", "redact_paths", "show_descriptions", "show_patient")

    def __init__(self) -> None:
        self.show_patient: bool = False
        self.show_descriptions: bool = False
        self.progress: bool = True
        self.memory_budget: float | None = 0.5
        self.isolate: bool = True
        self.redact_paths: bool = False

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


options = Options()
