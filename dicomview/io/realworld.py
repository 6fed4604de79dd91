"""Real-world values of parametric maps: the mapping of a frame, and what it makes of stored values."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset

from dicomview.errors import DecodeError
from dicomview.io.failures import COPY
from dicomview.volume import Meta

if TYPE_CHECKING:
    from dicomview.io.header import Header

__all__ = ["PARAMETRIC_MAP", "RealWorld", "mapping_elements", "mapping_warnings", "real_world_of"]

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


@dataclass(frozen=True)
class RealWorld:
    """How stored values become those of a quantity.

    Attributes
    ----------
    slope, intercept : float
        Where there is no table.
    table : tuple of float
        The values of the stored values from ``first`` on.
    first : int
    unit : str
        Of UCUM, such as ``"mm2/s"``; empty for mere numbers.
    label : str
        LUTLabel: what the values are.
    """

    slope: float = 1.0
    intercept: float = 0.0
    table: tuple[float, ...] = ()
    first: int = 0
    unit: str = ""
    label: str = ""

    def mapped(self, stored: np.ndarray) -> np.ndarray:
        """Return real-world values, float64; NaN for those that the table does not have."""
        if not self.table:
            return np.asarray(stored.astype(np.float64) * self.slope + self.intercept)
        index = stored.astype(np.int64) - self.first
        known = (index >= 0) & (index < len(self.table))
        return np.where(known, np.array(self.table)[np.where(known, index, 0)], np.nan)


def real_world_of(sop_class_uid: str, *groups: Dataset) -> RealWorld | None:
    """Return the mapping of a frame of a parametric map.

    Of other images it is an alternative to their own values (a PET image may offer SUV), and not applied.

    Parameters
    ----------
    sop_class_uid : str
    *groups : Dataset
        Functional groups, the frame's own before the shared ones.

    Returns
    -------
    RealWorld or None
        None unless there is exactly one.

    Raises
    ------
    DecodeError
        If its slope or intercept is not finite.

    References
    ----------
    DICOM PS3.3 A.75 (Parametric Map IOD), C.7.6.16.2.11 (Real World Value Mapping Macro).
    """
    if sop_class_uid != PARAMETRIC_MAP:
        return None
    items: Sequence[Dataset] = next(
        filter(None, (g.get("RealWorldValueMappingSequence") for g in groups)), ()
    )
    if len(items) != 1:
        return None
    (item,) = items
    slope, intercept = item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")
    table = item.get("RealWorldValueLUTData")
    unit, label = _unit(item), str(item.get("LUTLabel") or item.get("LUTExplanation") or "")
    if table is not None:
        values = [float(v) for v in (table if hasattr(table, "__len__") else [table])]
        first = int(item.RealWorldValueFirstValueMapped)
        return RealWorld(table=tuple(values), first=first, unit=unit, label=label)
    if slope is None:
        return None
    for keyword, value in (("RealWorldValueSlope", slope), ("RealWorldValueIntercept", intercept)):
        if value is not None and not math.isfinite(value):
            raise DecodeError(f"{keyword} must be finite, not {value}", tag=keyword, remedy=COPY)
    return RealWorld(slope=float(slope), intercept=float(intercept or 0.0), unit=unit, label=label)


def _unit(item: Dataset) -> str:
    """Return the code of UCUM, or what another code means."""
    for code in (item.get("MeasurementUnitsCodeSequence") or ())[:1]:
        value = str(code.get("CodeValue") or code.get("LongCodeValue") or "")
        if str(code.get("CodingSchemeDesignator") or "UCUM") != "UCUM":
            value = str(code.get("CodeMeaning") or value)
        return "" if value == "1" else value
    return ""


def mapping_elements(headers: Iterable["Header"]) -> dict[str, Any]:
    """Return the mapping that all frames share in unit and label, as header elements.

    The elements of single frames are no part of a volume's header.
    """
    mappings = [h.real_world for h in headers]
    known = {(m.unit, m.label) for m in mappings if m is not None}
    if None in mappings or len(known) != 1:
        return {}
    ((unit, label),) = known
    item = Meta(LUTLabel=label, MeasurementUnitsCodeSequence=[Meta(CodeValue=unit)])
    return {"RealWorldValueMappingSequence": [item]}


def mapping_warnings(headers: Sequence["Header"]) -> list[str]:
    """Say where values are not those of one quantity in one unit."""
    if headers[0].sop_class_uid != PARAMETRIC_MAP:
        return []
    mappings = [h.real_world for h in headers]
    bare = mappings.count(None)
    warnings = []
    if bare:
        warnings.append(
            f"{bare} of {len(mappings)} frames hold stored values, not those of a quantity: they must have "
            "exactly one item in RealWorldValueMappingSequence (0040,9096)"
        )
    known = sorted({f"{m.label} in {m.unit or 'no unit'}".strip() for m in mappings if m is not None})
    if len(known) > 1:
        warnings.append(f"the frames hold different quantities: {', '.join(known)}")
    return warnings
