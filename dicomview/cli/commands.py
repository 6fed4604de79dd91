"""Commands: what each word of the command line does; drawing packages are imported where they are used."""

import json
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydicom

from dicomview.cli.arguments import make_parser
from dicomview.display import VOILUT, Window, presets_for
from dicomview.errors import DisplayError, MissingPackageError, PathError
from dicomview.geometry import Plane
from dicomview.io import Series, SeriesList, find_series, volread
from dicomview.io.quiet import quiet
from dicomview.io.series import HIDDEN, no_volume
from dicomview.options import options
from dicomview.volume import Volume
from dicomview.volume.describe import text_table
from dicomview.volume.meta import is_hidden, safe_text, shown_text

__all__ = ["COMMANDS", "Remarks"]

#: What a command leaves to be said beside its result.
Remarks = list[str]

PICTURES, PAGES = (".png", ".pdf", ".svg"), (".html", ".htm")


def info(args: Namespace) -> Remarks:
    """Print what is at a path."""
    found = find_series(_path(args))
    if not len(found):
        raise no_volume(found)
    if args.json:
        print(json.dumps(_told(found), indent=2, ensure_ascii=False))
    elif options.show_patient:
        rows = [(*row, _patient(series)) for row, series in zip(found.rows(), found)]
        print("\n".join([*text_table((*SeriesList.COLUMNS, "patient"), rows), *found.notes()]))
    else:
        print(str(found).replace(HIDDEN, "descriptions are hidden: --show-descriptions shows them"))
    return [*(text for series in found for text in series.warnings), *map(str, found.dropped)]


def view(args: Namespace) -> Remarks:
    """Open a page in the browser, or JupyterLab."""
    if args.jupyter:
        _start_jupyter(args)
        return []
    volume, page = _volume(args), _own_folder() / "view.html"
    try:
        _write_page(args, volume, page)
    except BaseException:
        shutil.rmtree(page.parent)
        raise
    print(page, flush=True)
    if not webbrowser.open(page.as_uri()):
        return [*_remarks(volume), "no browser could be started: open the page yourself"]
    return _remarks(volume)


def montage(args: Namespace) -> Remarks:
    """Write slices side by side."""
    from dicomview.export import montage as make_montage
    from dicomview.render import PLAIN

    target, volume = _target(args, PICTURES), _volume(args)
    picks = _indices(args.slices, _count(volume, args.plane))
    figure: Any = make_montage(
        volume, picks, plane=args.plane, columns=args.columns,
        window=_window(volume, args.window), colormap=args.colormap,
    )  # fmt: skip
    if options.show_patient:
        figure.suptitle(_who(volume.meta), **PLAIN)
    figure.savefig(target, dpi=args.dpi)
    print(target)
    return _remarks(volume)


def gif(args: Namespace) -> Remarks:
    """Write a movie."""
    from dicomview.export import animate
    from dicomview.export.movie import FORMATS

    target, volume = _target(args, FORMATS), _volume(args)
    steps: Any = args.count
    if args.slices is not None:
        if args.count is not None or args.along == "rotation":
            raise DisplayError(
                "--slices says which pictures there are", remedy="leave out --count and --along rotation"
            )
        extents = dict(zip(volume.extra_dims, map(len, volume.dimensions)))
        steps = _indices(args.slices, extents.get(args.along) or _count(volume, args.plane))
    animate(
        volume, target, along=args.along, steps=steps, plane=args.plane,
        slab=args.slab, slab_mode=args.slab_mode, window=_window(volume, args.window),
        colormap=args.colormap, fps=args.fps, size=args.size, captions=not args.no_captions,
    )  # fmt: skip
    print(target)
    return _remarks(volume)


def html(args: Namespace) -> Remarks:
    """Write a page that needs neither kernel nor network."""
    target, volume = _target(args, PAGES), _volume(args)
    _write_page(args, volume, target)
    print(target)
    return _remarks(volume)


def sample(args: Namespace) -> Remarks:
    """Print the folder of a sample, and write it first if need be."""
    from dicomview import samples

    folder = None if args.output is None else Path(args.output).expanduser()
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PathError(
            f"the folder {folder.name!r} is there already and not empty",
            path=folder,
            remedy="name a new folder",
        )
    make = getattr(samples, args.name.replace("-", "_"))
    print(make(folder))
    return []


def completion(args: Namespace) -> Remarks:
    """Print a script that completes commands in a shell."""
    import shtab

    parser = make_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    for command in dict(commands.choices or {}).values():
        for action in command._actions:
            if action.dest in ("path", "output"):
                action.complete = shtab.FILE
    print(shtab.complete(parser, args.shell))
    return []


COMMANDS: dict[str, Callable[[Namespace], Remarks]] = {
    "info": info,
    "view": view,
    "montage": montage,
    "gif": gif,
    "html": html,
    "sample": sample,
    "completion": completion,
}


def _path(args: Namespace) -> Any:
    """Return the one path, or all of them."""
    return args.path[0] if len(args.path) == 1 else args.path


def _volume(args: Namespace) -> Volume:
    return volread(_path(args), series=args.series)


def _target(args: Namespace, formats: Sequence[str]) -> Path:
    """Return the file to write; only one that was named takes the place of another, and never of the scan."""
    target = Path(args.output_name if args.output is None else args.output).expanduser()
    if target.suffix.lower() not in formats:
        told = f"{', '.join(formats[:-1])} or {formats[-1]}"
        raise DisplayError(
            f"{args.command} does not write {target.suffix or 'a file'!r}", remedy=f"name {told}"
        )
    if args.output is None and target.exists():
        raise PathError("the file is there already", path=target, remedy="name a file with -o")
    if not target.absolute().parent.is_dir():
        raise PathError(
            "there is no folder for it", path=target, remedy="make it first, or name another file with -o"
        )
    for text in args.path:
        read = Path(text.removeprefix("file://")).expanduser().resolve()
        if target.resolve() == read or (target.exists() and read.exists() and target.samefile(read)):
            raise PathError("this is what is read", path=target, remedy="name another file with -o")
        if target.resolve().is_relative_to(read.parent if read.name.upper() == "DICOMDIR" else read):
            raise PathError(
                "it would lie in the folder that is read", path=target, remedy="name a file elsewhere with -o"
            )
    return target


def _own_folder() -> Path:
    """Return a new folder, of nobody else."""
    return Path(tempfile.mkdtemp(prefix="dicomview-"))


def _count(volume: Volume, plane: Plane | None) -> int:
    """Return how many slices a plane has."""
    return volume.geometry.shape[volume.plane_axes[plane or volume.slice_plane]]


def _indices(picks: slice | list[int] | None, count: int) -> Sequence[int] | None:
    """Return the indices that are meant."""
    return range(count)[picks] if isinstance(picks, slice) else picks


def _window(volume: Volume, wanted: Any) -> Window | tuple[float, float] | None:
    """Return the window that was asked for by numbers or by name."""
    if wanted is None or isinstance(wanted, tuple):
        return wanted
    named = presets_for(volume.meta.get("Modality"), volume.meta.get("Units"))
    named |= {"auto": volume.auto_window()} | volume.windows if volume.has_window else {}
    found = {name.casefold(): window for name, window in named.items()}
    if wanted.casefold() not in found:
        names = ", ".join(repr(name) for name in named) or "none"
        raise DisplayError(
            f"there is no window {wanted!r} here", remedy=f"by name there are {names}, or give C,W"
        )
    return found[wanted.casefold()]


def _write_page(args: Namespace, volume: Volume, target: Path) -> None:
    from dicomview.render import colormap
    from dicomview.widgets import SliceViewer

    if args.colormap is not None:
        colormap(args.colormap, False)  # raises
    viewer = SliceViewer(
        volume,
        window=_window(volume, args.window),
        colormap=args.colormap,
        layout=args.plane or "ortho",
    )
    viewer.to_html(target, budget=args.budget * 1e6)
    viewer.close()


def _start_jupyter(args: Namespace) -> None:
    """Start JupyterLab on a notebook with the viewer, and wait for its end."""
    if find_spec("jupyterlab") is None:
        raise MissingPackageError("this needs JupyterLab", remedy="pip install 'dicomview[notebook]'")
    paths = [text if "://" in text else str(Path(text).expanduser().resolve()) for text in args.path]
    told = {"series": args.series, "window": args.window, "colormap": args.colormap, "layout": args.plane}
    then = ""
    if isinstance(args.window, str):  # a name
        volume = _volume(args)
        told["window"] = window = _window(volume, args.window)
        if isinstance(window, VOILUT):  # which only the file has
            name = next(name for name, known in volume.windows.items() if known == window)
            told["window"], then = None, f"viewer.state.window = viewer.volume.windows[{name!r}]\n"
    given = "".join(
        f", {name}={'dv.' * isinstance(value, Window)}{value!r}"
        for name, value in told.items()
        if value is not None
    )
    made = f"dv.SliceViewer({paths[0] if len(paths) == 1 else paths!r}{given})"
    source = "import dicomview as dv\n\n" + (f"viewer = {made}\n{then}viewer" if then else made)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "view",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook = {
        "cells": [cell | {"source": source}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    file = _own_folder() / "view.ipynb"
    file.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    print(file, flush=True)
    subprocess.run([sys.executable, "-m", "jupyterlab", str(file)], check=False)


def _told(found: SeriesList) -> dict[str, Any]:
    """Return the table as data."""
    return {
        "series": [
            {
                "number": number,
                "modality": safe_text(series.modality),
                "title": series.title,
                "uid": None if is_hidden("SeriesInstanceUID") else series.uid,
                "description": shown_text("SeriesDescription", series.description) or None,
                "shape": series.shape,
                "spacing": series.spacing if series.shape else None,
                "files": len(series.files),
                "is_volume": series.reason is None,
                "reason": series.reason,
                "warnings": series.warnings,
            }
            | ({"patient": _patient(series)} if options.show_patient else {})
            for number, series in enumerate(found)
        ],
        "not_readable": [{"file": d.path.name, "reason": d.reason} for d in found.dropped],
        "other_files": found.others,
    }


def _patient(series: Series) -> str:
    """Return who a series is of."""
    with quiet(), series.stack.present[0].path.open("rb") as file:
        return _who(pydicom.dcmread(file, force=True, specific_tags=["PatientName", "PatientID"]))


def _who(header: Any) -> str:
    found = (header.get(keyword) for keyword in ("PatientName", "PatientID"))
    return ", ".join(safe_text(value) for value in found if value) or "unknown"


def _remarks(volume: Volume) -> Remarks:
    """Return what a careful person should know of how the volume came about."""
    return [*volume.report.warnings, *(f"left out {dropped}" for dropped in volume.report.dropped)]
