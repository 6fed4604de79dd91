"""Arguments: what the command line understands; nothing here reads a file or draws."""

import argparse
import re
from collections.abc import Sequence

from dicomview import __version__

__all__ = ["SAMPLES", "joined", "make_parser"]

SAMPLES = ("head-ct", "head-perfusion", "head-pet", "knee-mr")
_CODES = """exit codes:
  0   done
  1   the data or the file system do not allow it; the message says what to do
  2   the command was written wrongly
  3   done, but with remarks or files left out (only with --strict)
  130 interrupted
  141 the reader of the output went away"""
_NUMBERS = re.compile(r"-[\d.]")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="dicomview",
        description="Look at DICOM volumes: tables, pictures, movies and pages that need no Python.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dicomview {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared, reading, looking = _shared(), _reading(), _looking()

    info = commands.add_parser(
        "info", parents=[shared, reading], help="what is in a folder, and what is no volume and why"
    )
    info.add_argument("--json", action="store_true", help="as JSON")
    _show_patient(info)
    _show_descriptions(info)

    view = commands.add_parser(
        "view", parents=[shared, reading, looking], help="open a page in the browser, or JupyterLab"
    )
    view.add_argument("--jupyter", action="store_true", help="start JupyterLab on a notebook with the viewer")
    _budget(view)

    montage = commands.add_parser(
        "montage", parents=[shared, reading, looking], help="slices side by side: PNG, PDF, SVG"
    )
    _output(montage, "montage.png", "the suffix says the format: .png, .pdf or .svg")
    _slices(montage, "12 of the inner ones")
    montage.add_argument("--columns", type=_positive, metavar="N", help="pictures in a row (at most 6)")
    montage.add_argument(
        "--dpi", type=_dpi, default=100.0, help="pixels per inch of 10 inches, 10 to 1200 (100)"
    )
    _show_patient(montage)

    movie = commands.add_parser(
        "gif", parents=[shared, reading, looking], help="a movie: GIF, or MP4 by the name of the output"
    )
    _output(movie, "movie.gif", ".gif or .mp4")
    movie.add_argument(
        "--along", default="slices", metavar="WHAT",
        help="slices, rotation, or the name of an extra dimension: time, echo ... (slices)",
    )  # fmt: skip
    _slices(movie, "all")
    movie.add_argument("--count", type=_positive, metavar="N", help="so many pictures, evenly spread")
    movie.add_argument("--slab", type=_above_zero, metavar="MM", help="thickness that is seen as one")
    movie.add_argument("--slab-mode", choices=("max", "mean", "min"), default="max", help="(max)")
    movie.add_argument("--fps", type=_above_zero, help="pictures a second (the file's, or 10)")
    movie.add_argument("--size", type=_positive, default=512, help="pixels of the longer side (512)")
    movie.add_argument("--no-captions", action="store_true", help="no numbers and no sides of the patient")
    _show_patient(movie)

    page = commands.add_parser(
        "html", parents=[shared, reading, looking], help="one page to browse slices, without a network"
    )
    _output(page, "view.html", ".html or .htm")
    _budget(page)

    sample = commands.add_parser("sample", parents=[shared], help="print the folder of a built-in sample")
    sample.add_argument("name", nargs="?", choices=SAMPLES, default="head-ct", help="which (head-ct)")
    sample.add_argument(
        "-o", "--output", type=_named, metavar="FOLDER", help="write it there (a cache of yours)"
    )

    completion = commands.add_parser("completion", help="print what completes commands in a shell")
    completion.add_argument("shell", choices=("bash", "zsh"))
    for command in commands.choices.values():
        command.allow_abbrev = False  # `joined` knows options by their whole names
    return parser


def joined(argv: Sequence[str]) -> list[str]:
    """Tie negative numbers to their option: argparse takes ``-600,1500`` for one.

    Examples
    --------
    >>> joined(["gif", "--window", "-600,1500", "study"])
    ['gif', '--window=-600,1500', 'study']
    """
    result: list[str] = []
    for text in argv:
        if result and result[-1] in ("--window", "--slices") and _NUMBERS.match(text):
            result[-1] += f"={text}"
        else:
            result.append(text)
    return result


def _shared() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no remarks")
    return parser


def _reading() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("path", nargs="+", metavar="PATH", help="folder, file, archive, DICOMDIR; or files")
    parser.add_argument("--strict", action="store_true", help="exit with 3 where there are remarks")
    return parser


def _looking() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--series", type=_series, metavar="S", help="its number in `info`, UID, or a part of the description"
    )
    parser.add_argument(
        "--window", type=_window, metavar="C,W", help="center,width; auto; or a name: brain, lung, bone ..."
    )
    parser.add_argument("--plane", choices=("axial", "coronal", "sagittal"), help="(that of the slices)")
    parser.add_argument("--colormap", metavar="NAME", help="of matplotlib: gray, magma ...")
    return parser


def _show_patient(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show-patient", action="store_true", help="name the patient")


def _show_descriptions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--show-descriptions", action="store_true", help="name series as the scanner or a person called them"
    )


def _output(parser: argparse.ArgumentParser, default: str, told: str) -> None:
    parser.add_argument(
        "-o", "--output", type=_named, metavar="FILE", help=f"{told} ({default}, unless there is one already)"
    )
    parser.set_defaults(output_name=default)


def _budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=_above_zero, default=20.0, metavar="MB", help="size of the page at most (20)"
    )


def _slices(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--slices", type=_picks, metavar="A:B", help=f"numbers from 0: 15:20, 10:60:5 or 3,5,8 ({default})"
    )


def _series(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d{1,5}", text) else text


def _window(text: str) -> tuple[float, float] | str:
    if not re.search(r"\d", text) or "," not in text:
        return text
    try:
        center, width = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not center,width as in 40,80") from None
    return center, width


def _picks(text: str) -> slice | list[int]:
    """Return what stands for indices, as in Python."""
    try:
        if ":" not in text:
            return [int(part) for part in text.split(",")]
        parts = [int(part) if part else None for part in text.split(":")]
        range(9)[slice(*parts)]
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is neither A:B, A:B:STEP nor K,K,K") from None
    return slice(*parts)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _dpi(text: str) -> float:
    number = float(text)
    if not 10 <= number <= 1200:
        raise argparse.ArgumentTypeError(f"{text} is not from 10 to 1200")
    return number


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty: name a file, or leave the option out")
    return text
