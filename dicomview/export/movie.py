"""Movies: pictures one after the other into a GIF or MP4, none of them kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, Protocol

import imageio.v2 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicomview.errors import DisplayError, PathError
from dicomview.volume.convert import package

__all__ = ["FORMATS", "GifWriter", "MovieWriter", "movie_writer"]

FORMATS = (".gif", ".mp4")
#: Browsers show pictures that stand for less than two hundredths of a second five times as long.
GIF_FPS = 50.0
#: Of 10; pictures of 512 x 512 grey pixels then differ from the original by about a grey value.
QUALITY = 9
Pixels = NDArray[np.uint8]


class MovieWriter(Protocol):
    """What takes pictures one after the other."""

    def add(self, picture: Pixels) -> None:
        """Append a picture of shape (rows, columns, 3)."""

    def close(self) -> None:
        """Finish the movie."""


class GifWriter:
    """Writes a GIF picture by picture, each with a palette of its own, repeated for ever.

    Pillow encodes every picture; its own way to write several keeps all of them until the end.

    Parameters
    ----------
    file : binary file
    fps : float
        Pictures a second. The format counts in hundredths of a second; the sum is right.

    References
    ----------
    CompuServe, Graphics Interchange Format, version 89a.

    Examples
    --------
    >>> file = BytesIO()
    >>> writer = GifWriter(file, fps=8)
    >>> for grey in (0, 99):
    ...     writer.add(np.full((2, 3, 3), grey, np.uint8))
    >>> writer.close()
    >>> Image.open(file).n_frames
    2
    """

    def __init__(self, file: BinaryIO, *, fps: float) -> None:
        self._file, self._fps, self._count = file, fps, 0

    def add(self, picture: Pixels) -> None:
        """Append a picture of shape (rows, columns, 3)."""
        encoded = BytesIO()
        _with_palette(picture).save(encoded, format="GIF")
        screen, palette, image = _parts(encoded.getvalue())
        if not self._count:
            # No palette that all share; and the extension that has it repeated without end.
            self._file.write(b"GIF89a" + screen[6:10] + b"\0\0\0" + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")
        ends = [round(100 * n / self._fps) for n in (self._count, self._count + 1)]
        self._file.write(b"\x21\xf9\x04\x04" + (ends[1] - ends[0]).to_bytes(2, "little") + b"\0\0")
        # The descriptor: interlaced or not, and the palette, which moves from the screen to the picture.
        self._file.write(image[:9] + bytes([image[9] & 0x40 | 0x80 | screen[10] & 7]) + palette + image[10:])
        self._count += 1

    def close(self) -> None:
        """Finish the movie."""
        self._file.write(b";")


def _with_palette(picture: Pixels) -> Image.Image:
    """Return a picture of at most 256 colours: exact where it has no more, as grey pictures do."""
    if (picture == picture[..., :1]).all():
        # From white to black: after a palette of black to white Pillow misreads those of later pictures.
        grey = Image.fromarray(255 - picture[..., 0])
        grey.putpalette(np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3).tobytes())
        return grey
    codes = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colors, index = np.unique(codes, return_inverse=True)
    if len(colors) > 256:
        return Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE)
    exact = Image.fromarray(index.reshape(codes.shape).astype(np.uint8))
    exact.putpalette(np.stack([colors >> 16, colors >> 8, colors], axis=1).astype(np.uint8).tobytes())
    return exact


def _parts(encoded: bytes) -> tuple[bytes, bytes, bytes]:
    """Return screen descriptor, palette and image of a GIF of one picture."""
    start = 13 + 3 * 2 ** ((encoded[10] & 7) + 1)
    at = start
    while encoded[at] == 0x21:  # extensions, each of blocks that tell their length
        at += 2
        while encoded[at]:
            at += 1 + encoded[at]
        at += 1
    return encoded[:13], encoded[13:start], encoded[at:-1]


class _Mp4Writer:
    """Hands pictures to ffmpeg through imageio."""

    def __init__(self, path: Path, *, fps: float) -> None:
        package("imageio_ffmpeg", "'dicomview[movies]'")
        self._writer: Any = iio.get_writer(
            path, format="FFMPEG", mode="I", fps=fps, codec="libx264", pixelformat="yuv420p",
            quality=QUALITY, macro_block_size=2, ffmpeg_log_level="error",
            # It can be watched before all of it has come; and it says nothing of its origin.
            output_params=["-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"],
        )  # fmt: skip

    def add(self, picture: Pixels) -> None:
        self._writer.append_data(picture)

    def close(self) -> None:
        self._writer.close()


@contextmanager
def movie_writer(target: Path | BinaryIO, *, fps: float) -> Iterator[MovieWriter]:
    """Give what writes a movie; a file is there as a whole or not at all.

    Parameters
    ----------
    target : Path or binary file
        The suffix of a path says the format; what goes into an open file is a GIF.
    fps : float

    Raises
    ------
    DisplayError
        For another suffix, and where a GIF cannot be as fast.
    PathError
        If there is no folder for the file, or a folder in its place.
    MissingPackageError
        For MP4 without imageio-ffmpeg.
    """
    suffix = target.suffix.lower() if isinstance(target, Path) else ".gif"
    if suffix not in FORMATS:
        raise DisplayError(
            f"a movie is not written as {suffix or 'a file'!r}", remedy=f"name one of {' or '.join(FORMATS)}"
        )
    if suffix == ".gif" and fps > GIF_FPS:
        raise DisplayError(
            f"a GIF shows at most {GIF_FPS:g} pictures a second, not {fps:g}", remedy="write an MP4"
        )
    if not isinstance(target, Path):
        writer = GifWriter(target, fps=fps)
        yield writer
        writer.close()
        return
    if not target.absolute().parent.is_dir():
        raise PathError(
            "there is no folder for it", path=target, remedy="make it first, or name another file"
        )
    if target.is_dir():
        raise PathError("this is a folder", path=target, remedy="name another file")
    part = target.with_name(f".{token_hex(8)}{suffix}")  # of no other file, nor of another writer
    try:
        part.touch(exist_ok=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, target.name) from None  # the part says nothing to anybody
    try:
        if suffix == ".mp4":
            movie = _Mp4Writer(part, fps=fps)
            try:
                yield movie
            finally:
                movie.close()
        else:
            with part.open("wb") as file:
                writer = GifWriter(file, fps=fps)
                yield writer
                writer.close()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
