"""Run: from arguments to an exit code; no error that is meant for people shows a traceback."""

import os
import re
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from dicomview.cli.arguments import joined, make_parser
from dicomview.cli.commands import COMMANDS
from dicomview.errors import DicomviewError, SeriesError
from dicomview.io.progress import watched
from dicomview.options import options

__all__ = ["main"]

DONE, FAILED, REMARKED, INTERRUPTED, NO_READER = 0, 1, 3, 130, 141
#: Seconds before a bar appears.
DELAY = 0.5
#: Of a message.
LINES = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done, 1 not possible, 3 done with remarks (``--strict``), 130 interrupted, 141 nobody
        reads the output.

    Raises
    ------
    SystemExit
        With code 2 where the command was written wrongly; with 0 after ``--help``.

    Examples
    --------
    >>> main(["info", "no-such-folder"])
    1
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        args = make_parser().parse_args(joined(sys.argv[1:] if argv is None else argv))
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter would complain at its end when it empties what is left.
        with suppress(OSError, AttributeError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _run(args: Namespace) -> int:
    """Do what a command says."""
    before = options.show_patient, options.show_descriptions
    options.show_patient |= getattr(args, "show_patient", False)
    options.show_descriptions |= getattr(args, "show_descriptions", False)
    try:
        with warnings.catch_warnings(), ExitStack() as stack:
            # What pydicom finds odd in a file it quotes, whoever may be named there.
            warnings.filterwarnings("ignore", module="pydicom")
            if sys.stderr.isatty() and not getattr(args, "quiet", False):
                bar = _Bar()
                stack.enter_context(watched(bar.tell))
                stack.callback(bar.close)
            remarks = COMMANDS[args.command](args)
    except BrokenPipeError:
        raise
    except (DicomviewError, OSError) as error:
        print(f"dicomview: {_message(error)}", file=sys.stderr)
        return FAILED
    except Exception as error:
        print(f"dicomview: {type(error).__name__}: {_unnamed(str(error), args)}", file=sys.stderr)
        return FAILED
    finally:
        options.show_patient, options.show_descriptions = before
    is_told = args.command == "info" or getattr(args, "quiet", False)  # in its table
    for remark in [] if is_told else remarks:
        print(f"remark: {remark}", file=sys.stderr)
    return REMARKED if remarks and getattr(args, "strict", False) else DONE


def _message(error: Exception) -> str:
    """Return what went wrong in words of the command line."""
    if isinstance(error, SeriesError):
        told = str(error).replace("series= ", "--series ").replace("series=", "--series ")
        lines = told.split("\n")
        rest = [f"... `dicomview info` shows all {len(lines)} lines"] if len(lines) > LINES else []
        return "\n".join([*lines[:LINES], *rest])
    if isinstance(error, OSError) and not isinstance(error, DicomviewError):
        name = os.path.basename(os.fsdecode(error.filename)) if error.filename else ""  # noqa: PTH119
        return f"{name}: {error.strerror}" if name else str(error.strerror or error)
    return str(error)


def _unnamed(text: str, args: Namespace) -> str:
    """Return a message that was not written for people without folders, nor what it quotes of a header."""
    for path in getattr(args, "path", []):
        for whole in (path, os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100
            text = text.replace(whole, os.path.basename(whole.rstrip("/\\")))  # noqa: PTH119
    text = re.sub(r"(?:[A-Za-z]:)?[/\\]?(?:[^\s'\"/\\]+[/\\])+", "", text)
    return text if options.show_patient else re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", text)


class _Bar:
    """Shows on the terminal what is done, from half a second on."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def tell(self, what: str, done: int, total: int) -> None:
        """Take note of so many of so many things."""
        if self._bar is None or what != self._what:
            from tqdm import tqdm

            self.close()
            self._what = what
            self._bar = tqdm(total=total, desc=what, file=sys.stderr, leave=False, delay=DELAY, unit="")
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
