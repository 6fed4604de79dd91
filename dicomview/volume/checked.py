"""CheckedHeader: numbers and moments out of elements; what cannot be used is collected and told at once."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from pydicom.datadict import tag_for_keyword

from dicomview.errors import SUVError
from dicomview.volume.meta import Meta, is_hidden, safe_text

__all__ = ["CheckedHeader", "Moment"]


class Moment(NamedTuple):
    """A point in time; its date counts only where the header gives one."""

    when: datetime
    dated: bool


class CheckedHeader:
    """Typed access to elements; what cannot be used is collected."""

    def __init__(self, meta: Mapping[str, Any], problems: list[str] | None = None) -> None:
        self.meta = Meta(meta)
        self.problems: list[str] = [] if problems is None else problems

    def stop(self) -> None:
        """Raise when there are problems."""
        if self.problems:
            first = self.problems[0].split(" ")[0]
            raise SUVError(
                "the body-weight SUV cannot be calculated: " + "; ".join(self.problems),
                tag=first if tag_for_keyword(first) is not None else None,
                remedy="supply what is missing, or take the values as they are",
            )

    def missing(self, *keywords: str) -> None:
        """Collect that elements are missing."""
        verb = "is" if len(keywords) == 1 else "are"
        self.problems.append(f"{' and '.join(map(_named, keywords))} {verb} missing")

    def unsuitable(self, keyword: str, rule: str, *, show: bool = True) -> None:
        """Collect that an element breaks a rule; its value is shown unless it may tell who somebody is."""
        value = self.words(keyword)
        if not value and show:
            self.problems.append(f"{_named(keyword)} is missing: it {rule}")
        else:
            found = f", not {safe_text(chr(92).join(value))}" if show and not is_hidden(keyword) else ""
            self.problems.append(f"{_named(keyword)} {rule}{found}")

    def words(self, keyword: str) -> list[str]:
        """Return the values as text."""
        value = self.meta.get(keyword)
        values = value if isinstance(value, list | tuple) else [value]
        return [str(v).strip() for v in values if v is not None and str(v).strip()]

    def text(self, keyword: str) -> str:
        """Return the first value as text in upper case, empty where there is none."""
        return next(iter(self.words(keyword)), "").upper()

    def first_of(self, *keywords: str) -> str:
        """Return the first keyword that has a value, else the last."""
        return next((keyword for keyword in keywords if self.words(keyword)), keywords[-1])

    def number(self, keyword: str, limits: tuple[float, float], unit: str) -> float:
        """Return a number inside the open limits, NaN where there is none."""
        text = self.text(keyword)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not text:
            self.missing(keyword)
        elif not limits[0] < value < limits[1]:
            self.unsuitable(keyword, f"must be a number of {unit} between {limits[0]:g} and {limits[1]:g}")
        else:
            return value
        return math.nan

    def factor(self, keyword: str) -> float:
        """Return a positive factor, 0 where there is none."""
        try:
            value = float(self.text(keyword))
        except ValueError:
            return 0.0
        return value if 0 < value < math.inf else 0.0

    def milliseconds(self, keyword: str) -> float:
        """Return a duration in seconds, 0 where there is none."""
        try:
            return max(float(self.text(keyword)) / 1000, 0.0)
        except ValueError:
            return 0.0

    def moment(self, date_keyword: str, time_keyword: str) -> Moment | None:
        """Return the moment of a time, with its date where there is one."""
        time = self.text(time_keyword)
        if not time:
            if date_keyword:
                self.missing(time_keyword)
            else:
                self.missing("RadiopharmaceuticalStartDateTime", time_keyword)
            return None
        # The colons and dots are those of ACR-NEMA.
        clock = _clock(time.replace(":", ""))
        if clock is None:
            self.unsuitable(time_keyword, "must be a time HHMMSS", show=False)
            return None
        date = self.text(date_keyword).replace(".", "") if date_keyword else ""
        day = _day(date)
        return Moment((day or datetime(2000, 1, 1)) + clock, day is not None)

    def exact_moment(self, keyword: str, common: Mapping[str, Any]) -> Moment | None:
        """Return the moment of a date and time in the local time of the scan; None where it is not full."""
        text = self.text(keyword)
        plain, sign, offset = text, "", ""
        for sign in "+-":
            if sign in text:
                plain, _, offset = text.partition(sign)
                break
        day, clock = _day(plain[:8]), _clock(plain[8:])
        if day is None or clock is None:
            return None
        moment = day + clock
        here, there = _zone(str(common.get("TimezoneOffsetFromUTC") or "")), _zone(sign + offset)
        if offset and here is not None and there is not None:
            moment = moment.replace(tzinfo=there).astimezone(here).replace(tzinfo=None)
        return Moment(moment, True)


def _named(keyword: str) -> str:
    """Return a keyword with its tag."""
    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d") if len(text) == 8 else None
    except ValueError:
        return None


def _clock(text: str) -> timedelta | None:
    """Return the time of day of HH, HHMM, HHMMSS or HHMMSS.FFFFFF."""
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isdecimal() or len(whole) not in (2, 4, 6) or (fraction and len(whole) != 6):
        return None
    hours, minutes, seconds = (int(whole[i : i + 2] or 0) for i in (0, 2, 4))
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds + float(f"0.{fraction or 0}"))


def _zone(text: str) -> timezone | None:
    """Return the time zone of ±HHMM."""
    text = text.strip()
    if len(text) != 5 or text[0] not in "+-" or not text[1:].isdecimal():
        return None
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(-offset if text[0] == "-" else offset) if offset < timedelta(days=1) else None
