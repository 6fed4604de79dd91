"""Plain: what keeps matplotlib from reading a text as mathematics or TeX."""

from typing import Any

__all__ = ["PLAIN"]

#: For text of a header or of somebody's choice; what a style of the user says does not count.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
