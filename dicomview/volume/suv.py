"""SUV: from activity concentrations of PET to standardized uptake values by body weight."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomview.errors import SUVError
from dicomview.volume.checked import CheckedHeader, Moment
from dicomview.volume.meta import Meta, is_hidden

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["body_weight_suv", "suv_factor"]

#: Weights (kg) and doses (Bq) beyond these are in another unit than the standard asks for.
WEIGHT_RANGE, DOSE_RANGE = (1e-3, 1e3), (1e4, 1e13)
#: An injection so long after the reference time (s) is that of a dynamic scan, not one of the day before.
LATE_INJECTION = 600.0
#: More half-lives between injection and scan mean that the times do not belong together.
MOST_HALF_LIVES = 10.0

_DAY = 86400.0


def body_weight_suv(volume: "Volume") -> "Volume":
    """Return a PET volume with its values as SUV by body weight (g/ml).

    Parameters
    ----------
    volume : Volume
        With Modality PT and the elements that :func:`suv_factor` asks for in its ``meta``.

    Returns
    -------
    Volume
        float32. Its ``report.warnings`` say the factor and what it was calculated from; ``unit`` is
        ``"SUV"``. Where values were scaled, the windows of the file (in Bq/ml) give way to 0 to 5 SUV.

    Raises
    ------
    SUVError
        If elements are missing or cannot be used; the message lists all of them.

    Examples
    --------
    >>> from dicomview.volume import Volume
    >>> meta = {"Modality": "PT", "Units": "GML", "CorrectedImage": ["ATTN", "DECY"]}
    >>> body_weight_suv(Volume.from_array(np.ones((2, 3, 4)), meta=meta)).unit
    'SUV'
    """
    factor, remarks = suv_factor(_first_acquired(volume.meta))
    if volume.is_color:
        raise SUVError("the body-weight SUV needs activities, not colours", remedy="take a volume of PET")
    scale = np.float32(factor)
    meta = volume.meta.copy()
    meta.update(Units="GML", SUVType="BW", RescaleType="SUV")
    if factor != 1:
        meta.discard("VOILUTSequence", "SmallestImagePixelValue", "LargestImagePixelValue")
        meta.update(
            WindowCenter=2.5,
            WindowWidth=5.0,
            WindowCenterWidthExplanation="SUV 0-5",
            VOILUTFunction="LINEAR_EXACT",
        )
    padding = volume.padding
    if padding is not None:  # by the arithmetic of the values, so that they still fall into the range
        padding = (float(np.float32(padding[0]) * scale), float(np.float32(padding[1]) * scale))
    result = type(volume)(
        np.multiply(volume.array, scale, dtype=np.float32),
        geometry=volume.geometry,
        dims=volume.dims,
        dimensions=volume.dimensions,
        meta=meta,
        report=replace(volume.report, warnings=(*volume.report.warnings, *remarks)),
        sources=volume.sources,
        padding=padding,
    )
    result._acquired = volume._acquired
    return result


def _first_acquired(meta: Meta) -> Meta:
    """Return the header of the slice that was acquired first: of several bed positions it began the scan."""
    keywords = [k for k in ("AcquisitionDate", "AcquisitionTime") if k in meta or k in meta.varying]
    moments = list(zip(*(meta.per_slice(keyword) for keyword in keywords)))
    known = [i for i, moment in enumerate(moments) if all(moment)]
    return meta.of_slice(min(known, key=lambda i: tuple(map(str, moments[i])))) if known else meta


def suv_factor(meta: Mapping[str, Any]) -> tuple[float, tuple[str, ...]]:
    """Return the factor from the values of a PET series to SUV by body weight, and how it came about.

    Parameters
    ----------
    meta : mapping
        Header of one image. Always: Modality (PT), Units (BQML, GML or, of Philips, CNTS), CorrectedImage
        (with ATTN and DECY).
        For BQML also DecayCorrection (START or ADMIN), PatientWeight (kg) and the first item of
        RadiopharmaceuticalInformationSequence with RadionuclideTotalDose (Bq); for START besides
        RadionuclideHalfLife (s), RadiopharmaceuticalStartDateTime or RadiopharmaceuticalStartTime,
        SeriesTime and AcquisitionTime. Dates are used as far as they are there.

    Returns
    -------
    factor : float
        In g/Bq: ``weight / (dose * 2 ** (-dt / half-life))``, or 1 where the values are SUV already. For
        counts times the private factor (7053,1009), or (7053,1000) alone.
    remarks : tuple of str
        The factor and its inputs without the patient's identity, and every assumption.

    Raises
    ------
    SUVError
        If elements are missing or cannot be used; the message lists all of them by keyword and tag.

    Notes
    -----
    dt runs from the injection to the time that the decay correction refers to: the start of the series. A
    SeriesTime after AcquisitionTime is that of a later reconstruction; then the start is calculated back
    from FrameReferenceTime and ActualFrameDuration where they are there, and is AcquisitionTime otherwise.

    References
    ----------
    RSNA QIBA, Standardized Uptake Value, vendor-neutral pseudo-code; DICOM PS3.3 C.8.9.1.1.5 (Decay
    Correction), C.8.9.4.1.5 (Frame Reference Time).

    Examples
    --------
    >>> factor, remarks = suv_factor({
    ...     "Modality": "PT", "Units": "BQML", "CorrectedImage": ["DECY", "ATTN"],
    ...     "DecayCorrection": "ADMIN", "PatientWeight": 75.0,
    ...     "RadiopharmaceuticalInformationSequence": [{"RadionuclideTotalDose": 300e6}]})
    >>> factor
    0.00025
    >>> remarks
    ("SUV (body weight) = value in Bq/ml × 0.00025: the patient's weight, dose 300 MBq at injection",)
    """
    header = CheckedHeader(meta)
    units = header.text("Units")
    if header.text("Modality") != "PT":
        header.unsuitable("Modality", "must be PT")
    elif units not in ("BQML", "GML", "CNTS"):
        header.unsuitable("Units", "must be BQML or GML, or CNTS with the factors of Philips")
    header.stop()
    corrections = header.words("CorrectedImage")
    if not {"ATTN", "DECY"} <= set(corrections):
        header.unsuitable("CorrectedImage", "must hold ATTN and DECY")
    if units == "GML":
        if header.text("SUVType") not in ("", "BW"):
            header.unsuitable("SUVType", "must be BW (body weight) or absent")
        header.stop()
        return 1.0, ("SUV (body weight) = value: Units (0054,1001) is GML, the values are SUV already",)
    if units == "CNTS":
        return _from_counts(header)
    return _from_activity(header)


def _from_counts(header: CheckedHeader) -> tuple[float, tuple[str, ...]]:
    """Return the factor for the counts of Philips: straight to SUV, or by way of Bq/ml."""
    to_suv, to_activity = (
        header.factor(k) for k in ("PhilipsSUVScaleFactor", "PhilipsActivityConcentrationScaleFactor")
    )
    if to_suv:
        said = f"SUV (body weight) = value in counts × {to_suv:.6g}: private factor (7053,1000) of Philips"
        return to_suv, (said,)
    if not to_activity:
        header.unsuitable(
            "Units",
            "must be BQML or GML; counts need a private factor of Philips, (7053,1000) or (7053,1009)",
        )
        header.stop()
    factor, remarks = _from_activity(header)
    told = f"value in Bq/ml = counts × {to_activity:.6g}: private factor (7053,1009) of Philips"
    return factor * to_activity, (*remarks, told)


def _from_activity(header: CheckedHeader) -> tuple[float, tuple[str, ...]]:
    """Return the factor for Bq/ml."""
    correction = header.text("DecayCorrection")
    if correction not in ("START", "ADMIN"):
        header.unsuitable("DecayCorrection", "must be START or ADMIN")
    weight = header.number("PatientWeight", WEIGHT_RANGE, "kg")
    sequence = header.meta.get("RadiopharmaceuticalInformationSequence")
    items = sequence if isinstance(sequence, list) else []
    tracer = CheckedHeader(items[0] if items else {}, header.problems)
    if not items:
        header.missing("RadiopharmaceuticalInformationSequence")
        header.stop()
    remarks = []
    if len(items) > 1:
        remarks.append(f"SUV: the first of {len(items)} radiopharmaceuticals was used")
    dose = tracer.number("RadionuclideTotalDose", DOSE_RANGE, "Bq")
    weighs = "the patient's weight" if is_hidden("PatientWeight") else f"weight {weight:.6g} kg"
    said = f"{weighs}, dose {dose / 1e6:.6g} MBq at injection"
    decay = 1.0
    if correction != "ADMIN":
        half_life = tracer.number("RadionuclideHalfLife", (0.0, math.inf), "s")
        start, told = _start(header, half_life)
        seconds, doubt = _since_injection(header, tracer, start)
        if seconds is not None and seconds > MOST_HALF_LIVES * half_life:
            tracer.unsuitable(
                tracer.first_of("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"),
                f"lies {seconds:.6g} s or {seconds / half_life:.3g} half-lives before the scan, "
                f"at most {MOST_HALF_LIVES:g} make sense",
                show=False,
            )
        header.stop()
        assert seconds is not None
        decay = 2 ** (-seconds / half_life)
        said += f", half-life {half_life:.6g} s, {seconds:.6g} s from injection to {told}"
        remarks += doubt
    header.stop()
    factor = weight * 1000 / (dose * decay)
    return factor, (f"SUV (body weight) = value in Bq/ml × {factor:.6g}: {said}", *remarks)


def _start(header: CheckedHeader, half_life: float) -> tuple[Moment | None, str]:
    """Return the time that the values are decay corrected to, and its name."""
    series = header.moment("SeriesDate", "SeriesTime")
    acquired = header.moment("AcquisitionDate", "AcquisitionTime")
    if series is None or acquired is None:
        return None, ""
    lag = (series.when - acquired.when).total_seconds()
    if not (series.dated and acquired.dated):
        lag = (lag + _DAY / 2) % _DAY - _DAY / 2
    if lag <= 0:
        return series, "SeriesTime"
    # In the days of the acquisition from here on; without a date of its own in those of the series.
    when = acquired.when if acquired.dated else series.when - timedelta(seconds=lag)
    dated = acquired.dated or series.dated
    offset, duration = (header.milliseconds(k) for k in ("FrameReferenceTime", "ActualFrameDuration"))
    if offset > 0 and duration > 0 and half_life > 0:
        decay = math.log(2) / half_life * duration
        average = duration * math.log(decay / -math.expm1(-decay)) / decay
        if offset >= average:  # a start before the acquisition
            back = timedelta(seconds=offset - average)
            return (
                Moment(when - back, dated),
                "the start of the scan (SeriesTime is that of a later reconstruction; calculated back from "
                "AcquisitionTime, FrameReferenceTime and ActualFrameDuration)",
            )
    return (
        Moment(when, dated),
        "the first AcquisitionTime (SeriesTime is that of a later reconstruction)",
    )


def _since_injection(
    header: CheckedHeader, tracer: CheckedHeader, start: Moment | None
) -> tuple[float | None, list[str]]:
    """Return the seconds from the injection to the start of the scan, and what was assumed."""
    injected = tracer.exact_moment("RadiopharmaceuticalStartDateTime", header.meta)
    if injected is None:
        if tracer.words("RadiopharmaceuticalStartDateTime") and not tracer.words(
            "RadiopharmaceuticalStartTime"
        ):
            tracer.unsuitable("RadiopharmaceuticalStartDateTime", "must be YYYYMMDDHHMMSS", show=False)
            return None, []
        injected = tracer.moment("", "RadiopharmaceuticalStartTime")
    if injected is None or start is None:
        return None, []
    seconds = (start.when - injected.when).total_seconds()
    if injected.dated and start.dated:
        if seconds < -LATE_INJECTION:
            tracer.unsuitable(
                "RadiopharmaceuticalStartDateTime", f"lies {-seconds:.6g} s after the scan", show=False
            )
        return seconds, [] if seconds >= 0 else [_late(seconds)]
    # The last time that the clock showed the injection; shortly after the start it is that of the same day.
    seconds = (seconds + LATE_INJECTION) % _DAY - LATE_INJECTION
    doubt = ["SUV: the day of the injection is not in the header, taken for less than 24 h before the scan"]
    return seconds, doubt if seconds >= 0 else [*doubt, _late(seconds)]


def _late(seconds: float) -> str:
    return f"SUV: the injection is {-seconds:.6g} s after the start of the scan, taken for a dynamic one"
