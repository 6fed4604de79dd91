"""Texts of files in a real page: nothing in them runs, is fetched, or opens a dialog."""

from __future__ import annotations

import numpy as np
from browser.reader import CANVAS
from conftest import make_affine, make_voxels
from payloads import PAYLOADS

import dicomview as dv

KEYWORDS = ("SeriesDescription", "Modality", "RescaleType", "PatientName", "PatientID", "StudyDescription")


def test_a_page_and_tables_run_nothing(page, tmp_path, monkeypatch):
    monkeypatch.setattr(dv.options, "show_patient", True)
    asked, shown = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: shown.append(dialog.message) or dialog.dismiss())
    tables = []
    for payload in PAYLOADS[:-1]:
        meta = dict.fromkeys(KEYWORDS, payload)
        vol = dv.Volume.from_array(make_voxels(), affine=make_affine(), meta=meta)
        tables += [vol._repr_html_(), vol.meta._repr_html_()]
    viewer = dv.SliceViewer(vol)
    for i, name in enumerate(PAYLOADS[:-1]):
        viewer.overlays.add_mask(np.asarray(vol) > i, name=name)
        viewer.measurements.add(dv.measure.Point([tuple(vol.geometry.position((2, 3, 4)))], name=name))
    viewer.to_html(tmp_path / "page.html")
    tables += [viewer.measurements._repr_html_(), viewer._title.value, viewer._status.value]
    viewer.close()
    (tmp_path / "tables.html").write_text(
        "<!doctype html><meta charset=utf-8>" + "".join(tables), encoding="utf-8"
    )
    for name in ("page.html", "tables.html"):
        page.goto((tmp_path / name).as_uri())
        page.wait_for_timeout(1000)
        page.mouse.move(200, 200)
        assert page.evaluate("window.__ran") is None
        assert page.evaluate("document.querySelectorAll('iframe, object, form, base, video').length") == 0
    assert page.errors == [] == shown and not [
        url for url in asked if not url.startswith(("file:", "data:", "blob:"))
    ]


#: Series whose texts and folders are payloads, written in the kernel.
STUDY = f"""import pathlib, tempfile, numpy as np, dicomview as dv
dv.options.show_patient = True
PAYLOADS = {PAYLOADS[:-1]!r}
KEYWORDS = {KEYWORDS!r}
study = pathlib.Path(tempfile.mkdtemp())
plain = [p for p in PAYLOADS if p.isascii() and p.isprintable() and len(p) < 60 and not set(p) & set("/\\\\")]
for i, payload in enumerate(plain[:8]):
    elements = dict.fromkeys(KEYWORDS, payload) | {{"SpecificCharacterSet": "ISO_IR 192", "SeriesNumber": i}}
    elements["Modality"] = "CT"
    files = dv.samples.write_series(study / f"{{i}}{{payload}}", np.arange(1920).reshape(8, 12, 20) % 1000,
        np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]]), elements=elements,
        series_uid=f"1.2.826.0.1.{{i + 1}}")
(study / f"9{{payload}}" ).write_bytes(files[0].read_bytes()[:500])
vol = dv.volread(files)
vol.meta |= dict.fromkeys(KEYWORDS, PAYLOADS[0]) | {{
    "WindowCenter": [float(i) for i in range(len(PAYLOADS))], "WindowWidth": [10.0] * len(PAYLOADS),
    "WindowCenterWidthExplanation": list(PAYLOADS)}}
"""
VIEWER = """viewer = dv.SliceViewer(vol, colorbar=True)
for i, name in enumerate(PAYLOADS):
    viewer.overlays.add_mask(np.asarray(vol) > 20 * i, name=name)
    viewer.measurements.add(dv.measure.Point([tuple(vol.geometry.position((2, 3, 4 + i % 9)))], name=name))
viewer.overlays.paint(name=PAYLOADS[3])
viewer"""
OTHERS = [
    "dv.compare(vol, vol, mode='curtain')",
    "dv.find_series(study)",
    "vol",
    "vol.meta",
    "vol.report",
    "viewer.measurements",
    "shown = dv.gallery(study)\nshown",
    "browser = dv.SeriesBrowser(study)\nbrowser",
]
FAILING = """try:
    dv.volread(study)
except dv.errors.SeriesError as error:
    print(error)"""
#: How many elements there are that none of ours is.
FOREIGN = ".jp-OutputArea :is(iframe, object, form, base, video, script, details)"
COUNT = f"document.querySelectorAll('{FOREIGN}').length"


def test_nothing_runs_in_a_notebook(notebook):
    book = notebook("lab")
    page, asked, shown = book.page, [], []
    page.on("dialog", lambda dialog: shown.append(dialog.message) or dialog.dismiss())
    book.show(["pass"])
    before = page.evaluate(COUNT)
    page.on("request", lambda request: asked.append(request.url))
    cells = [STUDY, VIEWER, *OTHERS, FAILING]
    book.show(cells)
    book.wait_until_stable(book.wait_for(CANVAS))
    for header in page.locator(".dicomview .jupyter-widget-Collapse-header").all():
        header.click()
    page.mouse.move(400, 400)
    for i in range(1, len(cells)):
        book.reveal(i)
        page.wait_for_timeout(500)
        book.screenshot(f"payloads-{i}")
    assert page.evaluate("window.__ran") is None
    assert page.evaluate(COUNT) == before
    assert book.errors == [] == shown
    assert not [url for url in asked if "payload.invalid" in url]
    assert {url.split("/")[2] for url in asked if url.startswith("http")} <= {book.server.url.split("/")[2]}
