"""Movies: what is in their frames, in which proportion and order, and that they name nobody."""

import tracemalloc
from io import BytesIO

import imageio.v3 as iio
import matplotlib
import numpy as np
import pytest
from conftest import make_affine, make_voxels
from matplotlib.transforms import Bbox
from PIL import Image

import dicomview as dv
from dicomview.errors import DisplayError, MissingPackageError, PathError
from dicomview.export import Animation
from dicomview.export import movie as movies
from dicomview.export.movie import GifWriter, movie_writer
from dicomview.io.progress import watched
from dicomview.render.label import Label
from dicomview.volume.dimension import Dimension

SHAPE = (24, 40, 36)


def ball(orientation="axial", center=None, radius=4.0, shape=SHAPE):
    """Return a volume with a bright ball, and the LPS position of its centre."""
    geometry = dv.Geometry(shape, affine=make_affine(orientation))
    at = geometry.position((7, 25, 10)) if center is None else np.asarray(center)
    points = geometry.position(np.moveaxis(np.indices(shape), 0, -1))
    inside = np.linalg.norm(points - at, axis=-1) <= radius
    return dv.Volume(np.where(inside, 100, 0).astype(np.int16), geometry=geometry), at


def frames_of(movie):
    """Return the frames of a GIF as they are decoded, shape (frames, rows, columns)."""
    image = Image.open(BytesIO(movie.data))
    found = []
    for k in range(image.n_frames):
        image.seek(k)
        found.append(np.asarray(image.convert("RGB")))
    return np.array(found)


def middle(frame):
    """Return row and column of the centre of what is bright, from 0 to 1."""
    weight = frame[..., 0].astype(float)
    place = [(weight.sum(axis=1 - a) @ (np.arange(n) + 0.5)) / n for a, n in enumerate(weight.shape)]
    return np.array(place) / weight.sum()


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "feet first", "decubitus"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_ball_is_where_it_is_in_the_patient(orientation, plane):
    vol, at = ball(orientation)
    movie = dv.animate(vol, plane=plane, window=(50, 100), captions=False, size=256)
    frames = frames_of(movie)
    ends = vol.geometry.position(np.array([(-0.5, -0.5, -0.5), np.array(SHAPE) - 0.5]))
    low, high = ends.min(axis=0), ends.max(axis=0)
    part = (at - low) / (high - low)
    # Right is the patient's left, or posterior in sagittal pictures; down is posterior, else inferior.
    right, down, through = {
        "axial": (part[0], part[1], 2),
        "coronal": (part[0], 1 - part[2], 1),
        "sagittal": (part[1], 1 - part[2], 0),
    }[plane]
    axis = vol.plane_axes[plane]
    k = round(float(vol.geometry.index(at)[axis]))
    assert movie.frames == len(frames) == SHAPE[axis] and movie.size == frames.shape[2:0:-1]
    brightness = frames[..., 0].sum(axis=(1, 2), dtype=float)
    shown = np.flatnonzero(brightness)
    assert shown.mean() == k and len(shown) == 2 * int(4 / vol.sampling[axis]) + 1
    np.testing.assert_allclose(middle(frames[k]), (down, right), atol=0.006)
    millimetres = high - low
    size = [np.delete(millimetres, through)[0], np.delete(millimetres, through)[1]]
    assert movie.size[0] / movie.size[1] == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_rotation_turns_about_the_head_foot_axis():
    angles = [0, 30, 90, 200]
    for orientation in ("axial", "sagittal", "oblique"):
        vol, at = ball(orientation)
        movie = dv.animate(vol, along="rotation", steps=angles, window=(50, 100), captions=False, size=300)
        corners = vol.geometry.position(
            np.array(
                [np.where(np.unravel_index(i, (2, 2, 2)), np.array(SHAPE) - 0.5, -0.5) for i in range(8)]
            )
        )
        low, high = corners.min(axis=0), corners.max(axis=0)
        x, y, z = at - (low + high) / 2
        across = np.hypot(*(high - low)[:2])
        assert movie.size[0] / movie.size[1] == pytest.approx(across / (high - low)[2], rel=0.05)
        for angle, frame in zip(np.radians(angles), frames_of(movie)):
            right = 0.5 + (x * np.cos(angle) + y * np.sin(angle)) / across
            down = 0.5 - z / (high - low)[2]
            np.testing.assert_allclose(middle(frame), (down, right), atol=0.015)


def test_a_rotation_of_a_slab_leaves_out_what_lies_outside():
    vol, at = ball(radius=2)
    corners = vol.geometry.position(np.array([(-0.5, -0.5, -0.5), np.array(SHAPE) - 0.5]))
    away = abs(at - corners.mean(axis=0))[:2]
    assert away.min() > 4
    for angle, distance in ((0, away[1]), (90, away[0])):
        for thick in (False, True):
            slab = 2 * (distance + (3 if thick else -3))
            movie = dv.animate(
                vol, along="rotation", steps=[angle], slab=slab, window=(50, 100), captions=False
            )
            assert frames_of(movie).any() == thick


def test_a_frame_is_the_picture_of_its_slice():
    vol = dv.Volume.from_array(make_voxels((4, 64, 64)), sampling=(1, 1, 1))
    movie = dv.animate(vol, size=64, window=(8000, 16000), captions=False)
    greys = np.clip((vol.array / 16000) * 256, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(frames_of(movie)[..., 0], greys)
    colored = frames_of(dv.animate(vol, size=64, window=(8000, 16000), captions=False, colormap="magma"))
    expected = matplotlib.colormaps["magma"](greys, bytes=True)[..., :3]
    np.testing.assert_array_equal(colored, expected)


def test_time_passes_in_its_order_with_its_values():
    array = np.zeros((5, 3, 32, 32))
    for t in range(5):
        array[t, :, :, 6 * t : 6 * t + 4] = 1
    vol = dv.Volume.from_array(array, dims=("time", "slice", "row", "column"), sampling=(1, 1, 1))
    movie = dv.animate(vol, along="time", steps=[4, 0, 0, -2], window=(0.5, 1), captions=False)
    columns = [32 * middle(frame)[1] for frame in frames_of(movie)]
    np.testing.assert_allclose(columns, [26, 2, 2, 20], atol=0.1)
    assert len(frames_of(dv.animate(vol, frame=(2,)))) == 3


def test_a_slab_is_seen_as_one():
    vol, _ = ball()
    plain, thick = (
        frames_of(dv.animate(vol, steps=[9], slab=slab, window=(50, 100), captions=False))[0]
        for slab in (None, 10)
    )
    assert not plain.any() and thick.any()


def test_the_file_asks_for_its_own_speed_along_time():
    array = np.zeros((4, 2, 16, 16))
    vol = dv.Volume.from_array(array, dims=("time", "slice", "row", "column"), meta={"FrameTime": 40})
    movie = dv.animate(vol, along="time")
    assert movie.fps == 25 and Image.open(BytesIO(movie.data)).info["duration"] == 40
    assert dv.animate(vol).fps == 10


@pytest.mark.parametrize("meta", [{"CineRate": 60}, {"FrameTime": 5}])
def test_a_file_that_asks_for_more_than_a_gif_can_gets_what_it_can(tmp_path, meta):
    array = np.zeros((4, 2, 16, 16))
    vol = dv.Volume.from_array(array, dims=("time", "slice", "row", "column"), meta=meta)
    movie = dv.animate(vol, along="time")
    assert movie.fps == 50 and Image.open(BytesIO(movie.data)).info["duration"] == 20
    assert dv.animate(vol, tmp_path / "a.GIF", along="time").fps == 50
    pytest.importorskip("imageio_ffmpeg")
    assert dv.animate(vol, tmp_path / "a.mp4", along="time").fps == 60


def test_hundredths_of_a_second_add_up():
    file = BytesIO()
    writer = GifWriter(file, fps=30)
    for grey in range(30):
        writer.add(np.full((4, 4, 3), grey, np.uint8))
    writer.close()
    image, total = Image.open(file), 0
    for k in range(30):
        image.seek(k)
        total += image.info["duration"]
    assert total == 1000 and image.info["loop"] == 0


def test_a_few_greys_after_all_of_them_are_read_back():
    full = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pictures = [np.repeat(grey[..., None], 3, axis=2) for grey in (full, full // 50 * 50, full)]
    file = BytesIO()
    writer = GifWriter(file, fps=10)
    for picture in pictures:
        writer.add(picture)
    writer.close()
    read = frames_of(Animation(None, 3, (16, 16), 10, file.getvalue()))
    np.testing.assert_array_equal(read, pictures)


def test_more_colours_than_a_palette_has_come_close():
    rows, columns = np.mgrid[:64, :64]
    picture = np.stack([rows * 4, columns * 4, (rows + columns) * 2], axis=-1).astype(np.uint8)
    file = BytesIO()
    writer = GifWriter(file, fps=1)
    writer.add(picture)
    writer.close()
    found = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert abs(found - picture).mean() < 8


def test_missing_slices_have_their_colour_and_the_ground_of_a_rotation_has_none(write):
    files = write(array=make_voxels((9, 16, 16)))
    files[4].unlink()
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.report.missing == (4,)
    (frame,) = frames_of(dv.animate(vol, steps=[4], captions=False))
    red = frame[..., 0].astype(int) - frame[..., 2]
    assert (red > 0).all()
    (turned,) = frames_of(dv.animate(vol, along="rotation", steps=[45], captions=False))
    red = turned[..., 0].astype(int) - turned[..., 2]
    assert 0 < (red > 0).mean() < 0.3 and not (red > 0)[: len(red) // 3].any()


def test_captions_say_what_is_seen_and_who_only_when_asked(monkeypatch):
    vol = dv.Volume.from_array(
        np.zeros((6, 40, 40)), affine=make_affine(), meta={"PatientName": "Doe^Jane", "PatientID": "4711"}
    )

    def letters(**options):
        return frames_of(dv.animate(vol, steps=[2], window=(50, 100), **options))[0] > 100

    bare, told = letters(captions=False), letters()
    assert not bare.any() and told[:30, :30].any() and not told[30:60, :150].any()
    y, x = told.shape[0] // 2, told.shape[1] // 2
    across, along = slice(x - 20, x + 20), slice(y - 20, y + 20)
    for edge in (told[:30, across], told[-30:, across], told[along, :30], told[along, -30:]):
        assert edge.any()
    monkeypatch.setattr(dv.options, "show_patient", True)
    assert letters()[15:60, :150].any() and not letters(captions=False).any()


@pytest.mark.parametrize(
    ("size", "named", "options", "told"),
    [
        (64, False, {"steps": [5]}, "5; A; P; R; L"),
        (64, True, {"steps": [5]}, "5; A; P; R; L"),  # a line more would lie on the letters at the sides
        (96, True, {"steps": [5]}, "5|Doe^Jane …; A; P; R; L"),
        (512, True, {"steps": [5]}, "5|Doe^Jane of somewhere|4711; A; P; R; L"),
        (64, False, {"along": "time", "steps": [3]}, "6 s; A; P; R; L"),
        (128, False, {"along": "time", "steps": [3]}, "time = 6 s; P; R; L"),
        (256, False, {"along": "time", "steps": [3]}, "time = 6 s; A; P; R; L"),
        (64, False, {"along": "time", "plane": "coronal", "steps": [3]}, "R; L"),
        (64, True, {"along": "rotation", "steps": [45]}, "RA; LP"),
        (300, False, {"along": "rotation", "steps": [45]}, "45°; S; I; LP"),
    ],
)
def test_nothing_lies_over_anything_else_that_is_written(monkeypatch, size, named, options, told):
    seen, boxes = set(), []
    draw = Label.draw

    def noted(self, renderer):
        draw(self, renderer)
        text = self.get_text()
        above = None
        for n, line in enumerate(text.splitlines()):
            self.set_text("\n" * n + line)
            box = self.get_window_extent(renderer)
            end = box.y1 if above is None else above
            above = box.y0
            boxes.append((self, Bbox.from_extents(box.x0, box.y0 + 0.5, box.x1, end - 0.5)))
        self.set_text(text)
        seen.update({text.replace("\n", "|")} - {""})

    monkeypatch.setattr(Label, "draw", noted)
    monkeypatch.setattr(dv.options, "show_patient", named)
    vol = dv.Volume(
        np.zeros((4, 12, 60, 60)),
        geometry=dv.Geometry((12, 60, 60), affine=np.diag([2.0, 2, 2, 1])[[2, 1, 0, 3]]),
        dims=("time", "slice", "row", "column"),
        dimensions=(Dimension("time", (0.0, 2.0, 4.0, 6.0), "s"),),
        meta={"PatientName": "Doe^Jane of somewhere", "PatientID": "4711"},
    )
    dv.animate(vol, size=size, window=(50, 100), **options)
    assert seen == set(told.split("; "))
    for label, box in boxes:
        edge = label.axes.bbox
        assert box.x0 >= 0 and box.x1 <= size and box.y0 >= edge.y0 - 3 and box.y1 <= edge.y1 + 3
        assert not any(box.overlaps(other) for owner, other in boxes if owner is not label)


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_no_name_is_in_the_file(tmp_path, suffix):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    meta = {"PatientName": "Planted^Name", "SeriesDescription": "Planted series"}
    vol = dv.Volume.from_array(np.zeros((3, 64, 64)), meta=meta)
    data = dv.animate(vol, tmp_path / f"movie{suffix}").data
    assert len(data) > 500 and b"planted" not in data.lower() and str(tmp_path).encode() not in data


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of imageio's reader
def test_mp4_reads_back(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    vol, _ = ball("sagittal")
    movie = dv.animate(vol, tmp_path / "movie.mp4", fps=12, window=(50, 100), captions=False, size=251)
    meta = iio.immeta(movie.path, plugin="FFMPEG")
    assert meta["fps"] == 12 and tuple(meta["size"]) == movie.size and meta["codec"] == "h264"
    assert not any(n % 2 for n in movie.size)
    frames = iio.imread(movie.path, plugin="FFMPEG")
    assert len(frames) == movie.frames == SHAPE[0] and meta["duration"] == pytest.approx(2, abs=0.05)
    gif = frames_of(dv.animate(vol, window=(50, 100), captions=False, size=251))
    assert abs(frames.astype(int) - gif).mean() < 1.5
    assert [p.name for p in tmp_path.iterdir()] == ["movie.mp4"]
    assert (
        'src="data:video/mp4;base64,' in movie._repr_html_() and "<video controls loop" in movie._repr_html_()
    )


def test_without_imageio_ffmpeg_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dicomview\[movies\]'"):
        dv.animate(np.zeros((3, 16, 16)), tmp_path / "movie.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_shows_it(tmp_path):
    movie = dv.animate(np.zeros((3, 64, 32)), size=64)
    assert movie.path is None and movie._repr_html_().startswith(
        '<img alt="animation" width="32" height="64"'
    )
    file = dv.animate(np.zeros((3, 64, 32)), str(tmp_path / "a.GIF"), size=64)
    assert file.path == tmp_path / "a.GIF" and file.data == movie.data == file.path.read_bytes()


def test_a_movie_that_ends_early_leaves_what_was_there(tmp_path):
    path = tmp_path / "movie.gif"
    path.write_bytes(b"earlier")

    def stop(what, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watched(stop):
        dv.animate(np.zeros((9, 16, 16)), path)
    assert path.read_bytes() == b"earlier" and len(list(tmp_path.iterdir())) == 1


def test_what_lies_beside_a_movie_is_left_alone(tmp_path):
    mine = tmp_path / ".u.part.gif"
    mine.write_bytes(b"mine")
    with movie_writer(tmp_path / "u.gif", fps=5) as one, movie_writer(tmp_path / "u.gif", fps=5) as other:
        for writer, count in ((one, 2), (other, 3), (one, 1)):
            for _ in range(count):
                writer.add(np.zeros((4, 4, 3), np.uint8))
    with Image.open(tmp_path / "u.gif") as image:
        assert image.n_frames == 3
    assert mine.read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 2
    (tmp_path / "plain").touch()
    assert (tmp_path / "u.gif").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_folder_that_is_not_there_is_said_before_anything_is_drawn(tmp_path, suffix):
    with pytest.raises(PathError) as raised:
        dv.animate(np.zeros((3, 16, 16)), tmp_path / "none" / f"a{suffix}")
    assert f"a{suffix}: there is no folder for it" in str(raised.value) and str(tmp_path) not in str(
        raised.value
    )
    (tmp_path / f"b{suffix}").mkdir()
    with pytest.raises(PathError, match="is a folder") as raised:
        dv.animate(np.zeros((3, 16, 16)), tmp_path / f"b{suffix}")
    assert str(tmp_path) not in str(raised.value)


def test_progress_is_told():
    told = []
    with watched(lambda *progress: told.append(progress)):
        dv.animate(np.zeros((3, 16, 16)))
    assert told == [("pictures", k, 3) for k in range(4)]


def test_frames_are_not_kept(tmp_path):
    vol = dv.Volume.from_array(np.random.RandomState(0).randint(0, 255, (64, 64, 64), np.uint8))
    dv.animate(vol, tmp_path / "warm.gif", steps=2)
    peaks = []
    for steps in (4, 64):
        tracemalloc.start()
        dv.animate(vol, tmp_path / "movie.gif", steps=steps)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    one = 512 * 512 * 3
    assert peaks[1] < peaks[0] + one


def test_what_is_not_possible_is_said(tmp_path):
    vol = dv.Volume.from_array(np.zeros((2, 5, 16, 16)), dims=("time", "slice", "row", "column"))
    for options, message in [
        ({"along": "echo"}, "'echo': take one of slices, time, rotation"),
        ({"along": "rotation"}, "place of the voxels"),
        ({"along": "rotation", "plane": "axial"}, "leave out plane"),
        ({"steps": [5]}, "no axial slice 5: the volume has 0 to 4"),
        ({"steps": [0.5]}, "whole numbers"),
        ({"steps": []}, "at least one"),
        ({"steps": 0}, "at least one"),
        ({"along": "time", "steps": [2]}, "no index 2: time has 0 to 1"),
        ({"plane": "frontal"}, "there is no plane"),
        ({"frame": (0, 0)}, "an index for each"),
        ({"frame": (7,)}, "no index 7"),
        ({"index": 3}, "index="),
        ({"slab": 5}, "distance between axial slices"),
        ({"slab": -5}, "above 0"),
        ({"slab": 5, "slab_mode": "median"}, "max, mean, min"),
        ({"fps": 60}, "at most 50"),
        ({"fps": 0}, "0.1 to 120"),
        ({"steps": [np.nan]}, "whole numbers"),
        ({"steps": [1, np.inf]}, "whole numbers"),
        ({"dpi": 0}, "letters have"),
        ({"dpi": np.nan}, "letters have"),
        ({"dpi": 1e9}, "letters have"),
        ({"fps": 1000}, "0.1 to 120"),
        ({"size": 5}, "64 to 4096"),
        ({"colormap": "magam"}, "no colormap 'magam': others are magma"),
        ({"path": tmp_path / "movie.avi"}, ".gif or .mp4"),
    ]:
        with pytest.raises(DisplayError, match=message):
            dv.animate(vol, options.pop("path", None), **options)
    assert list(tmp_path.iterdir()) == [] and movies.GIF_FPS == 50
