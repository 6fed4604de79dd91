"""Texts of files in a real page: nothing in them runs, is fetched, or opens a dialog."""

from __future__ import annotations

import numpy as np
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
