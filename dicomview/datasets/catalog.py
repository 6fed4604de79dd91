"""The catalogue: which data sets there are, from where, how large, and under which licence."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dicomview.errors import PathError
from dicomview.volume.describe import html_table, text_table

__all__ = ["Dataset", "DatasetTable", "listed"]


@dataclass(frozen=True)
class Dataset:
    """A public data set; each is one file.

    Attributes
    ----------
    name : str
        What it is fetched by.
    file : str
        Name of its file.
    url : str
    sha256 : str
        Of the file; what comes with another one is refused.
    size : int
        Bytes.
    modality, description, license, citation : str
    """

    name: str
    file: str
    url: str
    sha256: str
    size: int
    modality: str
    description: str
    license: str
    citation: str

    def row(self) -> tuple[str, ...]:
        """Return name, modality, size, licence and description as text."""
        return (self.name, self.modality, f"{self.size / 1e6:.2g} MB", self.license, self.description)


class DatasetTable(Mapping[str, Dataset]):
    """The data sets by name; prints as a table."""

    COLUMNS = ("name", "modality", "size", "license", "what it is")

    def __init__(self, sets: Mapping[str, Dataset]) -> None:
        self._sets = dict(sets)

    def __getitem__(self, name: str) -> Dataset:
        if name not in self._sets:
            raise PathError(f"there is no data set {name!r}", remedy=f"choose one of {', '.join(self._sets)}")
        return self._sets[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sets

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def __repr__(self) -> str:
        return "\n".join(text_table(self.COLUMNS, [one.row() for one in self.values()]))

    def _repr_html_(self) -> str:
        return html_table(self.COLUMNS, [one.row() for one in self.values()])


@cache
def listed() -> DatasetTable:
    """List the data sets; nothing is fetched.

    Returns
    -------
    DatasetTable
        A mapping by name that prints as a table with sizes and licences.

    Examples
    --------
    >>> import dicomview as dv
    >>> "chest-cr" in dv.datasets.list()
    True
    """
    told = json.loads(files("dicomview.datasets").joinpath("registry.json").read_text(encoding="utf-8"))
    return DatasetTable({name: Dataset(name, **one) for name, one in told.items()})
