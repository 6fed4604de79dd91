"""Privacy: canaries in every element of the basic profile are looked for in all that is shown or saved."""

import asyncio
import base64
import gzip
import io
import json
import logging
import os
import re
import traceback
import zlib
from copy import deepcopy

import ipywidgets
import nbformat
import numpy as np
import pydicom
import pytest
from canaries import Planted, found, plant, planted, profile
from conftest import edit as pydicom_edit
from conftest import make_affine, make_voxels, widgets_alive
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from pydicom.uid import RLELossless
from test_segread import make_seg, make_structures, outline

import dicomview as dv
from dicomview.cli import main
from dicomview.export.movie import FORMATS
from dicomview.io.headers import read_headers
from dicomview.volume.meta import is_hidden

FOLDER = "QZDOEXQ"  # folders are named after patients
#: Without which a structure set and a segmentation are none.
KEPT_STRUCTURES = (
    "ROIName",
    "StructureSetROISequence",
    "ReferencedFrameOfReferenceSequence",
    "ROIContourSequence",
)
KEPT_SEGMENTS = ("FrameOfReferenceUID", "SegmentSequence")


def single(folder):
    """A series of plain CT files."""
    files = dv.samples.write_series(folder, make_voxels(), make_affine(), elements={"SeriesNumber": 4})
    return files, [plant(file, number=i) for i, file in enumerate(files)][-1]


def compressed(folder):
    """The same, run-length encoded."""
    files, made = single(folder)
    for file in files:
        dataset = pydicom.dcmread(file)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(file)
    return files, made


def pet(folder):
    """A PET series, whose times and weight are needed for the standardized uptake value."""
    files = dv.samples.write_series(folder, make_voxels() + 200, make_affine(), modality="PT")
    keep = ("PatientWeight", "SeriesTime", "SeriesDate", "AcquisitionDate", "AcquisitionTime")
    made = [plant(file, keep=keep, number=i) for i, file in enumerate(files)][-1]
    tracer = pydicom.Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 3e8, 6586.2
    tracer.RadiopharmaceuticalStartTime = "113000"
    for file in files:
        pydicom_edit(file, PatientWeight="77.880999", RadiopharmaceuticalInformationSequence=[tracer])
    weight = Planted(0, "weight", None, (b"77.88", b"120000"))
    return files, [*made, weight]


def enhanced(folder):
    """One file of many frames, with canaries at its top, and in what frames share and have."""
    (file, *others), made = single(folder)
    frames = make_voxels()
    for other in others:
        other.unlink()
    dataset = pydicom.dcmread(file)
    place = [dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(frames)
    shared, per_frame = pydicom.Dataset(), []
    measures, orientation = pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = place[2], place[1]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    for k in range(len(frames)):
        group, position, content = (pydicom.Dataset() for _ in range(3))
        position.ImagePositionPatient = [*map(str, make_affine()[:3, 3] + k * make_affine()[:3, 0])]
        for p in made:
            content[p.tag] = deepcopy(p.element)
        group.PlanePositionSequence, group.FrameContentSequence = [position], [content]
        per_frame.append(group)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = per_frame
    dataset.PixelRepresentation, dataset.PixelData = 1, frames.astype("<i2").tobytes()
    dataset.save_as(file)
    return [file], made


KINDS = {make.__name__: make for make in (single, compressed, enhanced, pet)}


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=[pytest.mark.long] * (kind in ("compressed", "pet"))) for kind in KINDS],
)
def study(request, tmp_path_factory):
    """Folder and canaries of a series; the folder is named after somebody, too."""
    folder = tmp_path_factory.mktemp(FOLDER) / request.param
    _, made = KINDS[request.param](folder)
    return folder, [*made, Planted(0, "name of the folder", None, (FOLDER.encode(),))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp(FOLDER) / "plain"
    files, made = single(folder)
    return files, [*made, Planted(0, "name of the folder", None, (FOLDER.encode(),))]


@pytest.fixture(autouse=True)
def nothing_told(caplog, recwarn):
    """Logs and warnings are looked through behind every test."""
    for name in ("dicomview", "pydicom", "imageio"):
        caplog.set_level(logging.DEBUG, name)
    yield
    told = caplog.text + "".join(str(w.message) for w in recwarn)
    assert not found(told, [*planted(), Planted(0, "name of the folder", None, (FOLDER.encode(),))])


def clean(made, **sinks):
    """Assert that no canary is in any of the sinks."""
    hits = {name: sorted(hits) for name, told in sinks.items() if (hits := found(told, made))}
    assert not hits


def shown(thing):
    """Return everything that an object says of itself, as text and as HTML."""
    html = getattr(thing, "_repr_html_", None)
    return f"{thing!r}{thing!s}{html() if html else ''}"


def saved(write):
    """Return what is written into a file object."""
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


# -- the canaries themselves ----------------------------------------------------------------------------


def test_the_table_is_known():
    unknown = {tag: name for tag, name in profile() if not pydicom.datadict.dictionary_has_tag(tag)}
    hidden = {tag for tag, _ in profile() if is_hidden(pydicom.datadict.keyword_for_tag(tag))}
    assert len(profile()) > 640 and len(unknown) < 30
    assert hidden | unknown.keys() == {tag for tag, _ in profile()}


def test_every_canary_is_found_again(plain):
    files, made = plain
    told = [p for p in planted() if p.signs]
    assert len(told) > 640
    raw = files[0].read_bytes()
    assert found(raw, made) >= {p.name for p in told}
    for packed in (zlib.compress(raw), gzip.compress(raw), base64.b64encode(raw)):
        assert found(packed, made) >= {p.name for p in told}
    one = [next(p for p in told if p.name == "Patient's Name")]
    text = f"{one[0].signs[0].decode()} <b>"
    escaped = json.dumps(text).replace("Z", "\\u005a"), text.replace("Q", "%51")
    for form in (text.encode("utf-16"), json.dumps([text]), *escaped):
        assert found(form, one)
    assert found("".join(f"&#{ord(c)};" for c in text), one)


def test_random_names_are_no_canaries():
    made = planted()
    day = next(sign.decode() for p in made for sign in p.signs if re.fullmatch(rb"\d{8}", sign))
    assert found(f"IPY_MODEL_{day}", made)
    assert not found(f"IPY_MODEL_2c628{day}f4ab75d476e88c2e0fa", made)
    assert not found(f'<path id="ma{day}b"/> <g clip-path="url(#p{day}00)"/>', made)


def test_asked_for_they_are_shown(plain, monkeypatch):
    files, made = plain
    vol = dv.volread(files)
    monkeypatch.setattr(dv.options, "show_descriptions", True)
    assert found(shown(vol) + shown(dv.find_series(files)), made) == {"Series Description"}
    monkeypatch.setattr(dv.options, "show_patient", True)
    assert len(found(shown(vol.meta), made)) > 400
    assert "QZ" in repr(vol.meta) and "PatientName" in repr(vol.meta)


# -- what is shown ---------------------------------------------------------------------------------------


def test_what_is_printed(study):
    folder, made = study
    found_ = dv.find_series(folder)
    vol, lazy = dv.volread(folder), dv.volread(folder, lazy=True)
    parts = [found_, *found_, found_[0].stack, vol, lazy, lazy.array, vol.report, vol.meta, vol.geometry]
    parts += [
        vol.sources,
        vol.windows,
        vol.dimensions,
        vol.middle_meta,
        vol[2],
        vol[1:3],
        dv.mvolread(folder),
    ]
    parts += [vol.meta.get("SharedFunctionalGroupsSequence"), vol.meta.varying, dv.options]
    clean(made, **{f"{type(part).__name__} {i}": shown(part) for i, part in enumerate(parts)})


def test_an_image(plain):
    files, made = plain
    im = dv.imread(files[0])
    clean(made, image=shown(im), meta=shown(im.meta), source=shown(im.source))


def test_uptake_values(tmp_path):
    files, made = pet(tmp_path / "pet")
    suv = dv.volread(files).suv()
    clean(made, volume=shown(suv), report=shown(suv.report))
    for file in files:
        pydicom_edit(file, PatientWeight="-77.88")
    with pytest.raises(dv.errors.SUVError) as error:
        dv.volread(files).suv()
    clean(made, error=str(error.value))


def test_errors_and_their_tracebacks(plain, tmp_path):
    files, made = plain
    vol = dv.volread(files)
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(files[0].read_bytes()[:9000])
    for number, wrong in enumerate(
        (
            lambda: dv.volread(files, series="nothing like it"),
            lambda: dv.volread(files, series=7),
            lambda: dv.imread(broken),
            lambda: dv.volread(broken),
            lambda: vol.suv(),
            lambda: dv.segread(files[0]),
            lambda: dv.volread(files[0].parent / "absent"),
            lambda: vol.meta.Nonsense,
            lambda: vol.meta.per_slice("Nonsense"),
            lambda: dv.SliceViewer(vol, window="nonsense"),
            lambda: dv.dataset(vol, 99),
        )
    ):
        try:
            wrong()
        except Exception as error:
            # The source lines that a traceback quotes are those of this file.
            told = "".join(traceback.format_exception_only(error)) + repr(error)
            clean(made, error=told, cause=repr(error.__cause__), context=repr(error.__context__))
        else:
            pytest.fail(f"nothing was raised: {number}")


def test_other_frames_of_reference(plain):
    files, made = plain
    a, b = dv.volread(files), dv.volread(files)
    b.meta["FrameOfReferenceUID"] = "1.2.3"
    viewer = dv.SliceViewer(a)
    with pytest.raises(dv.errors.GeometryError) as error:
        viewer.overlays.fuse(b)
    clean(made, error=str(error.value), onto=shown(b.on(a).report))
    viewer.close()


def test_structures_and_segments(plain, tmp_path):
    files, _ = plain
    vol = dv.volread(files)
    square = np.array([(1, 1), (1, 6), (6, 6), (6, 1)])
    contours = [("CLOSED_PLANAR", outline(make_affine(), k, square)) for k in (1, 2)] + [
        ("POINT", [(0, 0, 0)])
    ]
    path = make_structures(tmp_path / "rs.dcm", {"QZ9001XQ": contours}, vol.meta.FrameOfReferenceUID)
    made = [*plant(path, keep=KEPT_STRUCTURES), Planted(0, "name of a region", None, (b"QZ9001XQ",))]
    regions = dv.segread(path)
    placed = regions.on(vol)
    mask = placed["qz9001xq"]
    assert mask.sum() > 20
    viewer = dv.SliceViewer(vol)
    viewer.overlays.add_segmentation(regions)
    with pytest.raises(dv.errors.SegmentError) as error:
        regions["nonsense"]
    clean(
        made, regions=shown(regions), segments=shown(list(regions)), mask=shown(mask) + shown(mask.meta),
        report=shown(placed.report), region=shown(dv.measure.Region(mask)), overlays=shown(viewer.overlays),
        error=str(error.value), widgets=states(), legend=repr(viewer._scene()),
        labels=shown(placed.labelmap()),
    )  # fmt: skip
    viewer.close()


def test_segmentations(plain, tmp_path):
    files, _ = plain
    vol = dv.volread(files)
    frames = [(1, k, np.ones((8, 10), np.uint8)) for k in (1, 2)]
    path = make_seg(tmp_path / "seg.dcm", frames, {1: "stone"}, make_affine())
    made = plant(path, keep=KEPT_SEGMENTS)
    seg = dv.segread(path)
    viewer = dv.SliceViewer(vol)
    viewer.overlays.add_segmentation(seg.on(vol, ignore_frame_of_reference=True))
    clean(
        made,
        seg=shown(seg),
        mask=shown(seg["stone"].meta),
        widgets=states(),
        found=shown(dv.find_series(path)),
    )
    viewer.close()


# -- what the page gets -----------------------------------------------------------------------------------


def states():
    """Return the states of all widgets with what lies beside them, as a saved notebook has them."""
    told = []
    for widget in widgets_alive().values():
        state, _, buffers = ipywidgets.widgets.widget._remove_buffers(widget.get_state())
        told += [repr(state), *(bytes(b).decode("latin-1") for b in buffers)]
    return "\n".join(told)


@pytest.fixture
def sent(monkeypatch):
    """Everything that widgets send to the page."""
    told = []

    def send(widget, message, buffers=None):
        told.append(repr(message).encode() + b"".join(map(bytes, buffers or ())))

    monkeypatch.setattr(ipywidgets.Widget, "send", send)
    monkeypatch.setattr(ipywidgets.Widget, "_send", lambda widget, *what, **more: send(widget, (what, more)))
    return told


def test_a_viewer(study, sent):
    folder, made = study
    vol = dv.volread(folder)
    viewer = dv.SliceViewer(vol, index=(2, 3, 4))
    viewer._page._received(None, {"hello": {"view": "a", "far": False, "ahead": False}}, [])
    viewer.overlays.fuse(vol)
    viewer.overlays.add_mask(np.asarray(vol) > 100)
    viewer.overlays.paint(vol, name="drawn")
    viewer.measurements.add(dv.measure.Distance([(0, 0, 20), (5, 5, 20)]))
    viewer.state.pointer = (1, 2, 3)
    viewer.toggle_help()
    viewer._furnish()
    bundle = viewer._repr_mimebundle_()
    clean(
        made, repr=shown(viewer), code=viewer.code(), states=states(), sent=b"\n".join(sent),
        bundle=repr(bundle), measured=shown(viewer.measurements), records=repr(viewer.measurements.records()),
        scene=repr(viewer._scene()), state=repr(viewer.state), title=viewer._title.value,
    )  # fmt: skip
    assert len(sent) > 3 and "series" in viewer._title.value
    viewer.close()


def test_viewers_of_several_series(plain, sent):
    files, made = plain
    folder = files[0].parent
    browser, gallery = dv.SeriesBrowser(), dv.gallery(dv.find_series(folder))
    browser.found = dv.find_series(folder)
    browser._pending = browser.found, browser._is_stopped
    browser._show()
    browser.choose(0), gallery.wait(), gallery.choose(0)
    vol = dv.volread(folder)
    compared = dv.compare(vol, vol, mode="curtain")
    things = browser, gallery, compared
    clean(
        made, states=states(), sent=b"\n".join(sent), shown="".join(map(shown, things)),
        bundles="".join(repr(thing._repr_mimebundle_()) for thing in things),
    )  # fmt: skip
    for thing in things:
        thing.close()


# -- what is saved ----------------------------------------------------------------------------------------


@pytest.mark.long
def test_pictures_movies_and_pages(plain, tmp_path):
    files, made = plain
    folder = files[0].parent
    vol = dv.volread(folder)
    viewer = dv.SliceViewer(vol)
    sinks = {}
    for form in ("png", "pdf", "svg", "jpg", "tif"):
        viewer.save(tmp_path / f"view.{form}")
    dv.montage(vol).savefig(tmp_path / "montage.svg")
    dv.looks(vol[2]).savefig(tmp_path / "looks.pdf")
    dv.planes(vol).savefig(tmp_path / "planes.svg")
    dv.compare_aspect(vol, "sagittal").savefig(tmp_path / "aspect.pdf")
    for form in FORMATS:
        try:
            sinks[f"animation {form}"] = repr(dv.animate(vol, tmp_path / f"movie{form}"))
        except dv.errors.MissingPackageError:
            assert form != ".gif"
    viewer.to_html(tmp_path / "page.html")
    viewer.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) >= 11
    sinks |= {file.name: file.read_bytes() for file in files}
    clean(made, names=repr([f.name for f in files]), **sinks)


def test_a_picture_and_a_movie(plain, tmp_path):
    files, made = plain
    vol = dv.volread(files)
    dv.montage(vol, [0, 1]).savefig(tmp_path / "montage.svg")
    told = repr(dv.animate(vol, tmp_path / "movie.gif", steps=3))
    clean(made, told=told, **{file.name: file.read_bytes() for file in tmp_path.iterdir()})


def test_a_page_names_nobody_whatever_the_options_say(plain, tmp_path, monkeypatch):
    files, made = plain
    monkeypatch.setattr(dv.options, "show_patient", True)
    viewer = dv.SliceViewer(dv.volread(files))
    viewer.to_html(tmp_path / "page.html")
    clean(made, page=(tmp_path / "page.html").read_bytes())
    viewer.close()


def test_volumes_and_measurements(plain, tmp_path):
    files, made = plain
    folder = files[0].parent
    vol = dv.volread(folder)
    sinks = {}
    if nib := pytest.importorskip("nibabel"):
        nib.save(vol.to_nibabel(), tmp_path / "v.nii.gz")
    sitk = pytest.importorskip("SimpleITK")
    image = vol.to_sitk()
    for name in ("v.nrrd", "v.mha", "v.nii"):
        sitk.WriteImage(image, str(tmp_path / name))
    sinks["sitk"] = str(image) + repr([image.GetMetaData(k) for k in image.GetMetaDataKeys()])
    array = vol.to_xarray()
    sinks["xarray"] = repr(array) + array._repr_html_() + repr(array.attrs)
    vol.to_zarr(tmp_path / "v.zarr")
    np.savez_compressed(tmp_path / "v.npz", vol)
    viewer = dv.SliceViewer(vol)
    viewer.measurements.add(dv.measure.Distance([(0, 0, 20), (5, 5, 20)]))
    viewer.measurements.add(dv.measure.Region(dv.Volume.from_array(vol > 200, affine=vol.geometry.affine)))
    viewer.measurements.to_json(tmp_path / "measured.json")
    again = dv.SliceViewer(vol)
    again.measurements.from_json(tmp_path / "measured.json")
    assert len(again.measurements) == 2
    sinks["frame"] = viewer.measurements.to_dataframe().to_csv()
    viewer.close(), again.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    sinks |= {str(path.relative_to(tmp_path)): path.read_bytes() for path in files}
    clean(made, names=repr(sorted(sinks)), **sinks)


def test_the_cache_of_headers(study, tmp_path):
    folder, made = study
    for _ in range(2):
        assert len(dv.find_series(folder, cache=tmp_path / "headers")) == 1
    if not (tmp_path / "headers").exists():
        return  # frames of one file are not kept
    told = (tmp_path / "headers").read_text(encoding="utf-8")
    clean(made, cache=told)
    (header, *_) = read_headers(next(folder.iterdir()))
    times = {value for key, value in header.keys if key.endswith("Time") and value}
    assert times and not times & {float(text) for text in re.findall(r"-?[0-9]+\.[0-9]+", told)}


# -- the command line ------------------------------------------------------------------------------------


def test_the_command_line(plain, tmp_path, capfdbinary):
    files, made = plain
    folder = files[0].parent
    for argv in (
        ["info", folder],
        ["info", folder, "--json"],
        ["montage", folder, "-o", tmp_path / "m.png"],
        ["gif", folder, "-o", tmp_path / "m.gif"],
        ["html", folder, "-o", tmp_path / "m.html"],
        ["montage", folder, "-o", tmp_path / "m.xyz"],
        ["montage", folder, "--series", "9"],
        ["info", tmp_path / "absent"],
    ):
        main([str(word) for word in argv])
    told = capfdbinary.readouterr()
    clean(made, out=told.out, err=told.err, **{p.name: p.read_bytes() for p in tmp_path.iterdir()})
    assert json.loads(told.out[told.out.index(b"{") : told.out.rindex(b"}") + 1])["series"][0]["uid"] is None
    main(["info", str(folder), "--show-descriptions"])
    assert found(capfdbinary.readouterr().out, made) == {"Series Description"}


# -- a notebook -------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_notebook_that_is_saved(plain, tmp_path):
    files, made = plain
    cells = [
        "import dicomview as dv, os",
        "dv.find_series(os.environ['CANARIES'])",
        "vol = dv.volread(os.environ['CANARIES'])\nvol",
        "print(vol.meta, vol.report)",
        "viewer = dv.SliceViewer(vol)\nviewer",
        "viewer.measurements",
        "dv.gallery(os.environ['CANARIES'])",
        "vol.suv()",
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)
    env = {**os.environ, "CANARIES": str(files[0].parent)}
    asyncio.run(client.async_execute(env=env))
    nbformat.write(notebook, tmp_path / "n.ipynb")
    told = (tmp_path / "n.ipynb").read_text(encoding="utf-8")
    assert "SUVError" in told and "image/png" in told and "application/vnd.jupyter.widget" in told
    clean([p for p in made if p.tag], notebook=told)


# -- text in the pixels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "told", "warned"),
    [("CT", None, ""), ("CT", "NO", ""), ("CT", "YES", "is YES"), ("US", None, "does not say NO"),
     ("US", "NO", ""), ("XA", "", "does not say NO"), ("CT", "MAYBE", "does not say NO")],
)  # fmt: skip
def test_pictures_that_may_name_the_patient_are_told(tmp_path, modality, told, warned):
    elements = {"Modality": modality} | ({} if told is None else {"BurnedInAnnotation": told})
    files = dv.samples.write_series(tmp_path / "s", make_voxels(), make_affine(), elements=elements)
    warnings = [text for text in dv.volread(files).report.warnings if "BurnedInAnnotation" in text]
    assert len(warnings) == bool(warned) and all(warned in text for text in warnings)
