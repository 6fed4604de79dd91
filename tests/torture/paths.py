"""Where files are: odd names, links, pipes, devices, archives, directories of discs, many other files."""

from __future__ import annotations

import io
import os
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydicom import uid as uids
from torture.raw import UNDEFINED, Element, Raw, item
from torture.seeds import series, single, truth, write
from torture.truth import NOT_WRONG, RIGHT, WARNED, Case, Truth

NAMES, SPECIAL, ARCHIVES, DISC = "file names", "special files", "archives", "DICOMDIR"
Tree = dict[str, bytes]


def cases() -> Iterator[Case]:
    yield from names()
    yield from special()
    yield from archives()
    yield from discs()


def files() -> list[bytes]:
    return [raw.bytes() for raw in series()]


def names() -> Iterator[Case]:
    for name in ("with blanks {}.dcm", "ünïcödé-{}-山田.dcm", "{}", "IM{}.txt", "-rf{}.dcm", "{}*?[x].dcm", "$(id){}.dcm",
                 "new\nline{}.dcm", "{}.zip", "DICOMDIR{}", "{}.jpg", ".hidden{}.dcm", "a'b\"c{}.dcm", "{}" + "x" * 200,
                 "%s%n{}.dcm", "{}.dcm.dcm", "tab\t{}", "<b>{}.dcm", "\udcff{}.dcm"):  # fmt: skip

        def make(folder: Path, name: str = name) -> tuple[Path, list[Truth]]:
            folder.mkdir(parents=True)
            for k, data in enumerate(files()):
                (folder / name.format(k)).write_bytes(data)
            return folder, [truth()]

        yield Case(f"files called {name[:20]!a}", NAMES, RIGHT, make)
    for name in (
        "a folder",
        "DICOMDIR",
        "x.zip",
        "x.dcm",
        "-x",
        "ünï",
        "{}",
        "100%",
        "a#b?c",
        "http:",
        "\udcfe",
    ):

        def inside(folder: Path, name: str = name) -> tuple[Path, list[Truth]]:
            return write(folder / name, series()), [truth()]

        yield Case(f"a folder called {name!a}", NAMES, RIGHT, inside)

    def deep(folder: Path) -> tuple[Path, list[Truth]]:
        inner = folder
        for k in range(40):
            inner = inner / f"level{k}"
        write(inner, series())
        return folder, [truth()]

    yield Case("forty folders deep", NAMES, RIGHT, deep)

    def deeper(folder: Path) -> tuple[Path, list[Truth]]:
        write(folder, series())
        inner = folder
        for _ in range(400):
            inner = inner / "a"
            inner.mkdir()
        return folder, [truth()]

    yield Case("beside four hundred folders, each in another", NAMES, RIGHT, deeper, is_dangerous=True)

    def apart(folder: Path) -> tuple[Path, list[Truth]]:
        for k, data in enumerate(files()):
            (folder / f"{k}").mkdir(parents=True)
            (folder / f"{k}" / "image").write_bytes(data)
        return folder, [truth()]

    yield Case("a folder for each file", NAMES, RIGHT, apart)


def with_series(add: Callable[[Path], None]) -> Any:
    def make(folder: Path) -> tuple[Path, list[Truth]]:
        write(folder, series())
        add(folder)
        return folder, [truth()]

    return make


def only(make_it: Callable[[Path], Path]) -> Any:
    def make(folder: Path) -> tuple[Path, list[Truth]]:
        folder.mkdir(parents=True)
        return make_it(folder), [truth()]

    return make


def bind(path: Path) -> Path:
    """Make a socket; its path may be longer than a socket's name."""
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)
    return path


def special() -> Iterator[Case]:
    def fifo(path: Path) -> Path:
        os.mkfifo(path)
        return path

    def link(path: Path, to: str) -> Path:
        path.symlink_to(to)
        return path

    def sparse(path: Path, start: bytes) -> Path:
        path.write_bytes(start)
        os.truncate(path, 10 << 30)  # the disk keeps nothing of it
        return path

    makers: dict[str, Callable[[Path], Path]] = {
        "a pipe": fifo,
        "a socket": bind,
        "a link to a pipe without end": lambda path: link(path, "/dev/zero"),
        "a link to nothing": lambda path: link(path, "nowhere"),
        "a link to itself": lambda path: link(path, path.name),
        "a link to a terminal": lambda path: link(path, "/dev/tty"),
        "a link to random bytes": lambda path: link(path, "/dev/urandom"),
        "a link to /dev/null": lambda path: link(path, "/dev/null"),
        "a link to /dev/full": lambda path: link(path, "/dev/full"),
        "a link to /proc": lambda path: link(path, "/proc/self/environ"),
        "a link to a log without end": lambda path: link(path, "/proc/kmsg"),
        "10 GB of zeros": lambda path: sparse(path, b""),
        "10 GB of zeros behind DICM": lambda path: sparse(path, bytes(128) + b"DICM"),
        "a header with 10 GB of zeros": lambda path: sparse(path, files()[0][:700]),
    }
    for name, maker in makers.items():
        yield Case(
            f"{name} beside the series",
            SPECIAL,
            WARNED,
            with_series(lambda f, m=maker: m(f / "odd.dcm") and None),
            is_dangerous=True,
        )
        yield Case(
            f"{name} beside the series, without ending",
            SPECIAL,
            WARNED,
            with_series(lambda f, m=maker: m(f / "odd") and None),
            is_dangerous=True,
        )
        yield Case(
            f"{name} alone", SPECIAL, NOT_WRONG, only(lambda f, m=maker: m(f / "odd.dcm")), is_dangerous=True
        )
    yield Case(
        "a folder linked into itself", SPECIAL, RIGHT, with_series(lambda f: (f / "again").symlink_to("."))
    )
    yield Case(
        "a folder linked to its parent", SPECIAL, RIGHT, with_series(lambda f: (f / "up").symlink_to(".."))
    )

    def cycle(folder: Path) -> None:
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        (folder / "a" / "b").symlink_to("../b")
        (folder / "b" / "a").symlink_to("../a")

    yield Case("folders linked in a cycle", SPECIAL, RIGHT, with_series(cycle))
    yield Case(
        "every file linked again",
        SPECIAL,
        RIGHT,
        with_series(lambda f: [(f / f"again{k}").symlink_to(f"IM{k:04d}.dcm") for k in range(6)] and None),
    )

    def linked(folder: Path) -> tuple[Path, list[Truth]]:
        write(folder / "real", series())
        (folder / "link").symlink_to("real")
        return folder / "link", [truth()]

    yield Case("a linked folder", SPECIAL, RIGHT, linked)

    def unreadable(folder: Path) -> None:
        (folder / "closed.dcm").write_bytes(files()[0])
        (folder / "closed.dcm").chmod(0)  # root reads it all the same

    def padded(folder: Path) -> None:
        for path in folder.iterdir():
            os.truncate(path, 10 << 30)

    yield Case("10 GB of zeros behind each file", SPECIAL, RIGHT, with_series(padded), is_dangerous=True)
    yield Case("a file that may not be read", SPECIAL, WARNED, with_series(unreadable))
    yield Case("no such path", SPECIAL, NOT_WRONG, only(lambda f: f / "absent.dcm"))
    yield Case("an empty folder", SPECIAL, NOT_WRONG, only(lambda f: f))

    def many(folder: Path) -> None:
        for k in range(10_000):
            (folder / f"other{k:05d}").write_bytes(b"not DICOM %d" % k)

    yield Case("10,000 other files beside the series", SPECIAL, RIGHT, with_series(many), is_dangerous=True)
    yield Case(
        "nothing but 10,000 other files", SPECIAL, NOT_WRONG, only(lambda f: many(f) or f), is_dangerous=True
    )
    yield Case(
        "nothing but other files", SPECIAL, NOT_WRONG, only(lambda f: (f / "notes.txt").write_text("x") and f)
    )
    yield Case(
        "an empty folder tree", SPECIAL, NOT_WRONG, only(lambda f: (f / "a" / "b").mkdir(parents=True) or f)
    )


def zipped(members: Tree, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def taped(members: Tree, mode: str = "w", links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, to in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            archive.addfile(info)
    return out.getvalue()


def archives() -> Iterator[Case]:
    sound = {f"study/IM{k}": data for k, data in enumerate(files())}
    bombs = {f"bomb{k}": b"\0" * 2**26 for k in range(4)}

    def case(
        name: str, data: Callable[[], bytes], expected: str = RIGHT, ending: str = "zip", **options: Any
    ) -> Case:
        def make(folder: Path) -> tuple[Path, list[Truth]]:
            folder.mkdir(parents=True)
            path = folder / f"archive.{ending}"
            path.write_bytes(data())
            return path, [truth()]

        return Case(name, ARCHIVES, expected, make, **options)

    yield case("zip", lambda: zipped(sound))
    yield case("zip, stored", lambda: zipped(sound, zipfile.ZIP_STORED))
    yield case("tar", lambda: taped(sound), ending="tar")
    yield case("tar.gz", lambda: taped(sound, "w:gz"), ending="tar.gz")
    yield case("tar.xz", lambda: taped(sound, "w:xz"), ending="tar.xz")
    yield case("zip in a zip", lambda: zipped({"inner.zip": zipped(sound)}))
    yield case("zip with notes", lambda: zipped({**sound, "notes.txt": b"x", "__MACOSX/._IM0": b"\0\5"}))
    for name in (
        "../../../../tmp/escaped",
        "/tmp/escaped",
        "C:\\escaped",
        "..\\..\\escaped",
        "a/../../b",
        "a\1b",
        "x" * 5000,
        "./././x",
        "//x",
    ):
        yield case(f"zip with {name[:30]!a}", lambda n=name: zipped({**sound, n + "6": b"not DICOM"}), WARNED)
        yield case(
            f"tar with {name[:30]!a}",
            lambda n=name: taped({**sound, n.replace("\0", "0") + "6": b"not DICOM"}),
            WARNED,
            "tar",
        )
        yield case(
            f"zip of {name[:30]!a}", lambda n=name: zipped({f"{n}/{k}": d for k, d in sound.items()}), WARNED
        )
    yield case(
        "tar with links",
        lambda: taped(sound, links={"study/a": "/etc/passwd", "study/b": "../../..", "c": "c"}),
        WARNED,
        "tar",
    )
    for share in (0.2, 0.6, 0.95):
        yield case(
            f"zip cut at {share}", lambda s=share: zipped(sound)[: int(len(zipped(sound)) * s)], NOT_WRONG
        )
        yield case(f"tar cut at {share}", lambda s=share: taped(sound)[: int(8000 * s)], NOT_WRONG, "tar")
        yield case(
            f"tar.gz cut at {share}",
            lambda s=share: taped(sound, "w:gz")[: int(len(taped(sound, "w:gz")) * s)],
            NOT_WRONG,
            "tgz",
        )

    def flipped(at: float) -> bytes:
        data = bytearray(zipped(sound))
        data[int(len(data) * at)] ^= 0x55
        return bytes(data)

    for at in (0.0, 0.3, 0.9, 0.99):
        yield case(f"zip with a flip at {at}", lambda a=at: flipped(a), NOT_WRONG)
    yield case("empty zip", lambda: zipped({}), NOT_WRONG)
    yield case("empty tar", lambda: taped({}), NOT_WRONG, "tar")
    yield case("empty file", lambda: b"", NOT_WRONG)
    yield case("zip of folders", lambda: zipped({"a/": b"", "b/": b""}), NOT_WRONG)
    yield case("zip of notes", lambda: zipped({"notes.txt": b"x"}), NOT_WRONG)
    yield case("the same name twice", lambda: _doubled(sound), WARNED)
    yield case("encrypted", lambda: _encrypted(sound), NOT_WRONG)
    yield case("zip bomb of 256 MB", lambda: zipped({**sound, **bombs}), WARNED, is_dangerous=True)
    yield case(
        "tar bomb of 256 MB", lambda: taped({**sound, **bombs}, "w:gz"), WARNED, "tgz", is_dangerous=True
    )
    yield case("zip bomb of 16 GB", lambda: _quine_like(sound), NOT_WRONG, is_dangerous=True)
    yield case("zip that tells of 4 GB", lambda: _lying(sound), NOT_WRONG, is_dangerous=True)
    yield case("zips in zips, twelve deep", lambda: _onion(sound), NOT_WRONG)


def _doubled(sound: Tree) -> bytes:
    out = io.BytesIO()
    import warnings

    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in sound.values():
            archive.writestr("same", data)
    return out.getvalue()


def _encrypted(sound: Tree) -> bytes:
    data = bytearray(zipped(sound))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def _quine_like(sound: Tree) -> bytes:
    """Put a zip of 1 GB into a zip sixteen times."""
    inner = zipped({f"z{k}.dcm": b"\0" * 2**28 for k in range(1)})
    return zipped({**sound, **{f"inner{k}.zip": inner for k in range(64)}})


def _lying(sound: Tree) -> bytes:
    data = bytearray(zipped(sound))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    return bytes(data)


def _onion(sound: Tree) -> bytes:
    data = zipped(sound)
    for _ in range(12):
        data = zipped({"inner.zip": data})
    return data


def record(name: list[str] | str, kind: str = "IMAGE", after: int = 0, below: int = 0) -> bytes:
    parts = name if isinstance(name, str) else "\\".join(name)
    data = parts.encode() + b" " * (len(parts) % 2)
    return item(
        Element(0x00041400, b"UL", struct.pack("<I", after)), Element(0x00041410, b"US", b"\xff\xff"),
        Element(0x00041420, b"UL", struct.pack("<I", below)), Element(0x00041430, b"CS", kind.encode() + b" " * (len(kind) % 2)),
        Element(0x00041500, b"CS", data),
    )  # fmt: skip


def dicomdir(records: bytes, **options: Any) -> bytes:
    meta = (
        Raw((), ())
        .put(0x00020001, b"\0\1", b"OB")
        .put(0x00020002, uids.MediaStorageDirectoryStorage.encode(), b"UI")
    )
    meta = meta.put(0x00020003, b"1.2.3", b"UI").put(0x00020010, uids.ExplicitVRLittleEndian.encode(), b"UI")
    made = (
        meta.put(0x00041130, b"DISC", b"CS")
        .put(0x00041200, b"\0\0\0\0", b"UL")
        .put(0x00041202, b"\0\0\0\0", b"UL")
    )
    return made.put(0x00041220, records, b"SQ", **options).bytes()


def discs() -> Iterator[Case]:
    def case(
        name: str,
        records: Callable[[], bytes] | bytes,
        expected: str = NOT_WRONG,
        outside: bool = False,
        whole: bool = False,
    ) -> Case:
        def make(folder: Path) -> tuple[Path, list[Truth]]:
            write(folder / "disc" / "IMAGES", [])
            for k, data in enumerate(files()):
                (folder / "disc" / "IMAGES" / f"IM{k}").write_bytes(data)
            if outside:
                (folder / "SECRET").write_bytes(files()[0])
            data = records() if callable(records) else records
            path = folder / "disc" / "DICOMDIR"
            path.write_bytes(data if whole else dicomdir(data))
            return path, [single(0) if data == files()[0] else truth()]

        return Case(name, DISC, expected, make)

    sound = b"".join(record(["IMAGES", f"IM{k}"]) for k in range(6))
    yield case("all images", sound, RIGHT)
    yield case("in lower case", b"".join(record(["images", f"im{k}"]) for k in range(6)), RIGHT)
    yield case("one outside", sound + record(["..", "SECRET"]), WARNED, outside=True)
    yield case("one absolute", sound + record("/etc/passwd"), WARNED)
    yield case("one with dots", sound + record(["IMAGES", "..", "..", "SECRET"]), WARNED, outside=True)
    yield case("one with slashes", sound + record("IMAGES/../../SECRET"), WARNED, outside=True)
    yield case("only outside", record(["..", "SECRET"]), outside=True)
    yield case("one that is not there", sound + record(["IMAGES", "IM9"]), WARNED)
    yield case("one that is a folder", sound + record(["IMAGES"]), WARNED)
    yield case("itself", sound + record(["DICOMDIR"]), WARNED)
    yield case("only itself", record(["DICOMDIR"]))
    yield case(
        "records in a cycle",
        b"".join(record(["IMAGES", f"IM{k}"], after=400, below=400) for k in range(6)),
        WARNED,
    )
    yield case(
        "offsets beyond",
        b"".join(record(["IMAGES", f"IM{k}"], after=2**31, below=2**31) for k in range(6)),
        WARNED,
    )
    yield case("an image twice", sound + record(["IMAGES", "IM2"]), WARNED)
    yield case("a slice left out", sound.replace(record(["IMAGES", "IM2"]), b""), WARNED)
    yield case("NULs in a name", sound + record("IMAGES\\IM\0"), WARNED)
    yield case("a very long name", sound + record("X" * 9000), WARNED)
    yield case("an empty name", sound + record(""), WARNED)
    yield case("no records", b"")
    yield case("garbage for records", b"\x99" * 100)
    yield case("cut short", lambda: dicomdir(sound)[:-100], NOT_WRONG, whole=True)
    yield case("an image called DICOMDIR", lambda: files()[0], NOT_WRONG, whole=True)
    yield case("text called DICOMDIR", lambda: b"hello", NOT_WRONG, whole=True)
    yield case(
        "records of undefined length without end",
        lambda: dicomdir(sound, length=UNDEFINED),
        NOT_WRONG,
        whole=True,
    )
