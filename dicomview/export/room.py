"""Room: what can be written on a small picture so that nothing lies over anything else."""

from collections.abc import Callable, Sequence

__all__ = ["cut", "room_for"]

#: Distance from the edges of the picture, and between texts side by side; points.
BESIDE, ABOVE, GAP = 4, 3, 2
#: So far the empty part of a line may reach over the edge, in points.
SLACK = 2
#: Returns width and height of a text in pixels.
Measure = Callable[[str], tuple[float, float]]
Box = tuple[float, float, float, float]


def cut(text: str, room: float, measure: Measure) -> str:
    """Return a text that is no wider than so many pixels.

    Examples
    --------
    >>> cut("somebody", 5, lambda text: (len(text), 1))
    'some…'
    """
    if measure(text)[0] <= room:
        return text
    while text and measure(f"{text}…")[0] > room:
        text = text[:-1]
    return f"{text}…" if text else ""


def room_for(
    letters: Sequence[str],
    lines: Sequence[str],
    measure: Measure,
    *,
    size: tuple[float, float],
    point: float,
) -> tuple[list[bool], int]:
    r"""Return for which letters there is room, and for how many lines of a caption.

    What matters most comes first: a letter at the right, which tells the left one as well, the first line of
    the caption, the other letters but that at the top, the other lines, and the letter at the top.

    Parameters
    ----------
    letters : sequence of 4 str
        At the top, bottom, left and right.
    lines : sequence of str
        Of the caption in the upper left corner.
    measure : callable
        Returns width and height of a text in pixels.
    size : (float, float)
        Width and height of the picture in pixels.
    point : float
        Pixels of a point.

    Examples
    --------
    >>> def measure(text):
    ...     return 7 * max(map(len, text.split("\n"))), 12 * len(text.split("\n"))
    >>> room_for("APRL", ["time 5"], measure, size=(64, 64), point=1)
    ([False, True, True, True], 1)
    >>> room_for("APRL", ["5", "Name"], measure, size=(64, 40), point=1)
    ([True, True, False, True], 1)
    """
    width, height = size
    beside, above, gap, slack = (points * point for points in (BESIDE, ABOVE, GAP, SLACK))
    taken: list[Box] = []

    def fits(box: Box) -> bool:
        left, top, right, bottom = box
        if left < 0 or top < -slack or right > width or bottom > height + slack:
            return False
        if any(
            left < other[2] + gap and other[0] < right + gap and top < other[3] and other[1] < bottom
            for other in taken
        ):
            return False
        taken.append(box)
        return True

    def letter(at: int) -> bool:
        if not letters[at]:
            return False
        wide, high = measure(letters[at])
        x = (width - wide) / 2 if at < 2 else (beside, width - beside - wide)[at - 2]
        y = (above, height - above - high)[at] if at < 2 else (height - high) / 2
        return fits((x, y, x + wide, y + high))

    def line(at: int) -> bool:
        start = measure("\n".join(lines[:at]))[1] if at else 0.0
        end = measure("\n".join(lines[: at + 1]))[1]
        return fits((beside, above + start, beside + measure(lines[at])[0], above + end))

    right = letter(3)
    count = int(bool(lines) and line(0))
    left, bottom = letter(2), letter(1)
    while 0 < count < len(lines) and line(count):
        count += 1
    return [letter(0), bottom, left, right], count
