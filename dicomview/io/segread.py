"""Reading segmentations and structure sets: segread."""

from dicomview.errors import SeriesError
from dicomview.io.assemble import names
from dicomview.io.discover import Paths
from dicomview.io.failures import reader
from dicomview.io.header import Header
from dicomview.io.headers import read_headers
from dicomview.io.read import find_series
from dicomview.io.segments import SEGMENTATION, read_segments
from dicomview.io.series import Series, SeriesList, choose
from dicomview.io.structures import STRUCTURE_SET, read_structures
from dicomview.volume import Segmentation, Volume

__all__ = ["segread"]

#: What is no mask, in words.
_OTHERS = {
    "1.2.840.10008.5.1.4.1.1.66.5": "surface meshes",
    "1.2.840.10008.5.1.4.1.1.66.8": "height maps",
}


@reader
def segread(
    path: Paths, *, series: int | str | Series | None = None, reference: Volume | None = None
) -> Segmentation:
    """Read a segmentation (SEG) or a structure set (RTSTRUCT).

    Parameters
    ----------
    path : str, PathLike, list of these, bytes or binary file
        A file, or a folder that holds one, also among images.
    series : int, str or Series, optional
        Which one, where there are several: as for :func:`volread`.
    reference : Volume, optional
        Masks on the grid of this volume; the same as ``segread(path).on(reference)``.

    Returns
    -------
    Segmentation
        ``seg["liver"]`` is a mask, a Volume. The masks of a structure set need a grid: ``reference``, or
        :meth:`dicomview.Segmentation.on`.

    Raises
    ------
    PathError
        If there is nothing at the path.
    SeriesError
        If there is no segmentation, or several and ``series`` does not say which; if its frames have no
        place in the patient (pathology, projections).
    DecodeError
        If the file cannot be read.
    MemoryBudgetError
        If a label map would take more memory than ``dicomview.options.memory_budget``; a mask, when it is
        asked for.
    GeometryError
        If the frames have different orientations, or ``reference`` is in another frame of reference.

    References
    ----------
    DICOM PS3.3 C.8.20.2 (Segmentation Image Module), C.8.8.5 (Structure Set Module).

    Examples
    --------
    >>> import dicomview as dv
    >>> seg = dv.segread("study/seg.dcm")  # doctest: +SKIP
    >>> seg["liver"].sum(), seg.on(dv.volread("study/ct/"))["liver"].shape  # doctest: +SKIP
    """
    headers = _headers(find_series(path), series)
    is_structure_set = headers[0].sop_class_uid == STRUCTURE_SET
    seg = read_structures(headers[0].path) if is_structure_set else read_segments(headers)
    return seg if reference is None else seg.on(reference)


def _headers(found: SeriesList, series: int | str | Series | None) -> list[Header]:
    """Return the headers of the one file that is meant, of all its frames."""
    wanted = [s for s in found if _class_of(s) in {*SEGMENTATION, STRUCTURE_SET}]
    chosen = wanted
    if isinstance(series, str):
        word = series.casefold()
        hits = [s for s in wanted if s.uid == series] or [
            s for s in wanted if word in s.description.casefold()
        ]
        chosen = hits or [choose(found, series)]
    elif series is not None:
        chosen = [choose(found, series)]
    headers = [h for s in chosen if _class_of(s) in {*SEGMENTATION, STRUCTURE_SET} for h in s.stack.present]
    if not headers:
        kinds = sorted({_OTHERS[uid] for s in chosen or found if (uid := _class_of(s)) in _OTHERS})
        made_of = f" ({names(kinds)} are no masks)" if kinds else ""
        raise SeriesError(
            f"no segmentation or structure set is here{made_of}\n{found!r}",
            path=found.path,
            remedy="name a file or folder that has one",
        )
    files = {h.sop_instance_uid or str(h.path): h for h in reversed(headers)}
    if len(files) > 1:
        remedy = (
            "name the file" if len({h.series_instance_uid for h in headers}) == 1 else "choose with series="
        )
        listed = names(sorted(h.name for h in files.values()))
        raise SeriesError(
            f"{len(files)} segmentations are here ({listed})\n{found!r}", path=found.path, remedy=remedy
        )
    file = headers[0].path
    headers = [h for h in headers if h.path == file]
    # A stack leaves frames out that have no place, or another orientation.
    return headers if len(headers) == headers[0].number_of_frames else read_headers(file)


def _class_of(series: Series) -> str:
    return series.stack.present[0].sop_class_uid
