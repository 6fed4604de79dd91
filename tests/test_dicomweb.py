"""DICOMweb: a real Orthanc on loopback, what it says when things go wrong, and that no secret gets out."""

import gc
import io
import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pydicom
import pytest
from conftest import make_voxels
from reference import DATA

import dicomview as dv
from dicomview.errors import DecodeError, PathError, SeriesError, ServerError
from dicomview.samples import server as server_module

pytest.importorskip("dicomweb_client")
requests = pytest.importorskip("requests")
orthanc = pytest.importorskip("orthanc")
SECRETS = ("canary-user", "canary-pass", "canary-token", "canary-query")
NO_ORTHANC = orthanc.PROGRAM is None or not orthanc.PLUGINS.exists()
REMEDY = "needs Orthanc (apt install orthanc orthanc-dicomweb)"
needs_orthanc = pytest.mark.skipif(NO_ORTHANC and os.environ.get("CI") != "true", reason=REMEDY)


def test_the_continuous_integration_has_an_orthanc():
    if os.environ.get("CI") != "true":
        pytest.skip("is asked where CI=true")
    assert not NO_ORTHANC, REMEDY


@pytest.fixture(scope="module")
def folders():
    return {"CT": dv.samples.head_ct(), "MR": dv.samples.knee_mr()}


@pytest.fixture(scope="module")
def server(tmp_path_factory, folders):
    made = orthanc.Orthanc(tmp_path_factory.mktemp("orthanc"), folders.values())
    yield made
    made.stop()


@pytest.fixture
def client(server):
    return dv.dicomweb(server.url, auth=(orthanc.USER, orthanc.PASSWORD))


def test_a_stand_in_serves_what_a_server_does(folders):
    with dv.samples.serve(*folders.values()) as stand_in:
        client = dv.dicomweb(stand_in.url)
        assert [series.modality for series in client.find()] == ["CT", "MR"]
        (knee,) = client.find(SeriesDescription="Knee*", StudyDate="20191231-20200101")
        assert (knee.images, len(client.find(limit=1)), len(client.find(Modality="PT"))) == (27, 1, 0)
        same(client.read(knee), dv.volread(folders["MR"]))
        with pytest.raises(ServerError, match="it answers 404"):
            dv.dicomweb(stand_in.url + "/elsewhere").find()
    with pytest.raises(ServerError, match="cannot be reached"):
        client.find()


@needs_orthanc
def test_series_are_found_by_keyword(client):
    found = client.find()
    assert sorted(series.modality for series in found) == ["CT", "MR"]
    (knee,) = client.find(PatientID="SAMPLE-KNEE")
    assert (knee.modality, knee.description, knee.images) == ("MR", "Knee PD sagittal", 27)
    assert len(client.find(StudyDate="19000101-19001231")) == 0
    assert repr(client.find(Modality="XA")) == "the server has no such series"
    assert len(client.find(limit=1)) == 1
    for description in ("Knee*", "knee pd sagittal", "Knee ?D sag*"):  # this Orthanc takes no escapes back
        assert [series.modality for series in client.find(SeriesDescription=description)] == ["MR"]
    assert [series.modality for series in client.find(PatientName="Sample^Knee")] == ["MR"]
    assert len(client.find(PatientName="Sample^Knee", StudyDate="20191231-20200102")) == 1
    assert len(client.find(PatientName="Sample Knee")) == 0
    with pytest.raises(SeriesError, match="'PatientNumber' is no DICOM keyword"):
        client.find(PatientNumber=1)


@needs_orthanc
def test_the_table_shows_the_patient_only_when_asked(client, monkeypatch):
    found = client.find(Modality="MR")
    for text in (repr(found), found._repr_html_(), repr(found[0]), repr(found[0].meta), repr(client)):
        assert "Knee PD sagittal" in text or "DicomWeb" in text or "MR" in text
        assert "SAMPLE-KNEE" not in text and "Sample^Knee" not in text
    monkeypatch.setattr(dv.options, "show_patient", True)
    assert "SAMPLE-KNEE" in repr(found) and "Sample^Knee" in found._repr_html_()


@needs_orthanc
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_series_is_what_its_files_are(client, folders, modality):
    (series,) = client.find(Modality=modality)
    same(client.read(series), dv.volread(folders[modality]))


def same(volume, truth):
    assert volume.dtype == truth.dtype
    np.testing.assert_array_equal(volume.array, truth.array)
    np.testing.assert_array_equal(volume.geometry.affine, truth.geometry.affine)
    assert dict(volume.meta) == dict(truth.meta)
    assert volume.report.warnings == truth.report.warnings and not volume.report.missing
    assert [s.sop_instance_uid for s in volume.sources] == [s.sop_instance_uid for s in truth.sources]


@needs_orthanc
def test_a_compressed_series_comes_as_it_is_stored(server, client, write):
    files = write("packed", make_voxels((4, 64, 64)), description="packed")
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.JPEG2000Lossless)
        dataset.save_as(path)
        server.ask("instances", path.read_bytes())
    (series,) = client.find(SeriesDescription="packed")
    same(client.read(series), dv.volread(files))
    came = pydicom.dcmread(io.BytesIO(client._instance(series, dataset.SOPInstanceUID)))
    assert came.file_meta.TransferSyntaxUID == pydicom.uid.JPEG2000Lossless
    assert came.PixelData == dataset.PixelData
    pytest.importorskip("dask")
    lazy = client.read(series.uid, lazy=True)
    np.testing.assert_array_equal(np.asarray(lazy.array), dv.volread(files).array)


REAL = ("ct_d2n_gantrytilt", "ct_philips_brain5", "mr_ph_fmri_epi13", "mr_xa30_t1_enh")


@needs_orthanc
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data in {DATA} (set DICOMVIEW_DATA)")
@pytest.mark.parametrize("folder", REAL)
def test_real_series_are_what_their_files_are(server, client, folder):
    truth = {series.uid: series for series in dv.find_series(DATA / folder).volumes}
    for file in (DATA / folder).rglob("*"):
        if file.is_file():
            server.ask("instances", file.read_bytes())
    assert truth
    for uid, series in truth.items():
        same(client.read(uid), series.read())


def only_series(server, description):
    """Return Orthanc's own name of a series."""
    for name in server.ask("series"):
        if server.ask(f"series/{name}")["MainDicomTags"].get("SeriesDescription") == description:
            return name
    raise AssertionError(description)


@needs_orthanc
def test_progress_is_told_image_by_image(client):
    from dicomview.io.progress import watched

    told = []
    with watched(lambda *progress: told.append(progress)):
        client.read(client.find(Modality="MR")[0])
    assert [step for step in told if step[0] == "images"] == [("images", n, 27) for n in range(28)]


@needs_orthanc
def test_an_image_that_was_deleted_is_missed(server, client, write):
    files = write("short", description="short")
    for path in files:
        server.ask("instances", path.read_bytes())
    (series,) = client.find(SeriesDescription="short")
    name = only_series(server, "short")
    try:
        uid = pydicom.dcmread(files[2]).SOPInstanceUID
        (gone,) = [
            one for one in server.ask(f"series/{name}")["Instances"]
            if server.ask(f"instances/{one}")["MainDicomTags"]["SOPInstanceUID"] == uid
        ]  # fmt: skip
        server.ask(f"instances/{gone}", method="DELETE")
        vol = client.read(series)
        truth = dv.volread([file for file in files if file != files[2]])
    finally:
        server.ask(f"series/{name}", method="DELETE")
    np.testing.assert_array_equal(vol.array, truth.array)
    assert vol.report.missing == truth.report.missing == (2,)
    assert vol.report.warnings[0] == "the server now lists 5 images of the series; it counted 6"
    with pytest.raises(ServerError, match="lists no images of this series: search again"):
        client.read(series)


@needs_orthanc
def test_a_server_that_dies_in_the_middle_is_told(tmp_path, write, monkeypatch):
    write("s", np.zeros((40, 64, 64), np.int16), description="dying")
    made = orthanc.Orthanc(tmp_path / "orthanc", [tmp_path / "s"])
    try:
        client = dv.dicomweb(made.url, auth=(orthanc.USER, orthanc.PASSWORD), timeout=2, connections=2)
        client._client.set_http_retry_params(max_attempts=2, wait_exponential_multiplier=1)
        (series,) = client.find()
        fetch = type(client)._instance
        asked = []

        def dying(self, *args):
            asked.append(args)
            if len(asked) == 11:
                made.process.kill()
                made.process.wait()
            return fetch(self, *args)

        monkeypatch.setattr(type(client), "_instance", dying)
        vol = client.read(series)
    finally:
        made.stop()
    came = sum(source is not None for source in vol.sources)
    assert 9 <= came <= 11
    assert vol.report.warnings[0] == f"only {came} of 40 images came from the server: read it again"
    assert len(vol.report.dropped) == 40 - came
    assert "broke off" in str(vol.report.dropped[0]) and "not asked for any more" in str(
        vol.report.dropped[-1]
    )
    assert len(asked) < 20, "nobody hammers a dead server"
    with pytest.raises(ServerError, match=f"the list of images from {made.url}: it cannot be reached"):
        client.read(series)


@needs_orthanc
@pytest.mark.parametrize("auth", [None, (orthanc.USER, "canary-pass-wrong")])
def test_wrong_credentials(server, auth):
    with pytest.raises(ServerError, match="it answers 401: give credentials") as told:
        dv.dicomweb(server.url, auth=auth).find()
    assert told.value.status == 401
    with pytest.raises(ServerError, match="it answers 404: nothing is there: check the path"):
        dv.dicomweb(
            server.url.replace("dicom-web", "elsewhere"), auth=(orthanc.USER, orthanc.PASSWORD)
        ).find()


class Bad(BaseHTTPRequestHandler):
    """Answers by path."""

    asked: ClassVar[list] = []

    def do_GET(self):
        Bad.asked.append((self.path, dict(self.headers)))
        kind = self.path.split("/")[1]
        if kind == "slow":
            threading.Event().wait(1)
            return
        if kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[")
            return
        if kind == "away":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/none/")
            self.end_headers()
            return
        if kind == "none" and "challenge" in self.headers.get("User-Agent", ""):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
            self.end_headers()
            return
        if "/instances/" in self.path:
            kind = "busy" if kind == "ill" else "refused"
        self.send_response({"no": 403, "busy": 503, "refused": 401}.get(kind, 200))
        self.end_headers()
        series = {"0020000E": {"vr": "UI", "Value": ["1.2"]}, "0020000D": {"vr": "UI", "Value": ["1"]}}
        many = [{"00080018": {"vr": "UI", "Value": [f"1.2.{k}"]}} for k in range(100)]
        answer = {"page": b"<html>welcome</html>", "again": json.dumps([series]).encode()}.get(kind, b"[]")
        if kind == "ill":
            answer = json.dumps([series]).encode()
        if kind == "pages":  # two at a time, the last first
            start = int(dict(parse_qsl(urlsplit(self.path).query)).get("offset", 0))
            pages = [{**series, "0020000E": {"vr": "UI", "Value": [f"1.{9 - k}"]}} for k in range(5)]
            answer = json.dumps(pages[start : start + 2]).encode()
        if self.path.partition("?")[0].endswith("/instances"):
            answer = json.dumps(many).encode()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def bad():
    Bad.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


FAULTS = {
    "slow": "no answer within 0.2 s: try again, or wait longer: timeout=",
    "cut": "broke off",
    "no": "it answers 403",
    "busy": "it answers 503: it is busy or restarts",
    "refused": "it answers 401: give credentials",
    "page": "it does not answer as a DICOMweb server: check the path",
    "closed": r"cannot be reached, or broke off \(Connection refused\)",
    "tls": "TLS certificate or protocol is not accepted",
    "nowhere": "cannot be reached",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_and_nothing_that_opens_the_server(bad, fault, caplog):
    """Address, password, token and query are canaries; they are in no text of any error beneath either."""
    caplog.set_level(logging.DEBUG)
    place, scheme = {"closed": f"127.0.0.1:{closed_port()}", "nowhere": "no.invalid"}.get(fault, bad), "http"
    if fault == "tls":
        scheme = "https"
    client = dv.dicomweb(
        f"{scheme}://canary-user:canary-pass@{place}/{fault}/dicom-web?key=canary-query",
        headers={"X-Key": "canary-token"},
        timeout=0.2,
    )
    patient = "SAMPLE-KNEE"
    client._client.set_http_retry_params(max_attempts=2, wait_exponential_multiplier=1)
    with pytest.raises(ServerError, match=FAULTS[fault]) as told:
        client.find(PatientID=patient)
    assert "the list of series" in str(told.value) and f"{scheme}://{place}/{fault}" in str(told.value)
    texts = [repr(client), str(vars(client)), caplog.text, "".join(traceback.format_exception(told.value))]
    assert told.value.__context__ is None and told.value.__cause__ is None
    for secret in (*SECRETS, patient):
        assert not [text for text in texts if secret in text]


def test_all_that_opens_the_server_is_sent_to_it_and_to_no_other(bad):
    client = dv.dicomweb(
        f"http://canary-user:canary-pass@{bad}/ok?key=canary-query", headers={"X-Key": "canary-token"}
    )
    assert len(client.find()) == 0
    path, headers = Bad.asked[-1]
    assert "key=canary-query" in path and headers["X-Key"] == "canary-token"
    assert headers["Authorization"].startswith("Basic ")
    away = dv.dicomweb(f"http://canary-user:canary-pass@{bad}/away", headers={"X-Key": "canary-token"})
    away.find()
    path, headers = Bad.asked[-1]
    assert path == "/none/" and not {"X-Key", "Authorization"} & set(headers)


class Keyed(requests.auth.AuthBase):
    """Sets a key of its own."""

    def __call__(self, request):
        request.headers["X-Other"] = "canary-token"
        return request


@pytest.mark.parametrize(
    "auth", [Keyed(), requests.auth.HTTPDigestAuth("canary-user", "canary-pass")], ids=["key", "digest"]
)
def test_what_an_auth_does_is_not_done_for_another_server(bad, auth):
    client = dv.dicomweb(f"http://{bad}/away", auth=auth, headers={"User-Agent": "challenge"})
    before = len(Bad.asked)
    with pytest.raises(ServerError, match="it answers 401"):
        client.find()
    away = [headers for path, headers in Bad.asked[before:] if path == "/none/"]
    assert away and "canary" not in str(away) and not [h for h in away if "Authorization" in h]


@pytest.mark.parametrize(
    "url", ["pacs.example", "ftp://pacs.example", "http://canary-user:canary-pass@:99999999/x"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ServerError, match="must begin with http") as told:
        dv.dicomweb(url)
    assert "canary" not in str(told.value)


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dicomweb_client", None)
    with pytest.raises(dv.errors.MissingPackageError, match=r"pip install 'dicomview\[pacs\]'"):
        dv.dicomweb("http://pacs.example")


def test_a_server_that_knows_no_pages_is_asked_twice(bad):
    client = dv.dicomweb(f"http://{bad}/again")
    before = len(Bad.asked)
    assert [series.uid for series in client.find()] == ["1.2"]
    assert len(Bad.asked) == before + 2


def test_series_come_in_the_order_of_the_server(bad):
    client = dv.dicomweb(f"http://{bad}/pages")
    assert [series.uid for series in client.find()] == ["1.9", "1.8", "1.7", "1.6", "1.5"]
    assert [series.uid for series in client.find(limit=3)] == ["1.9", "1.8", "1.7"]
    before = len(Bad.asked)
    for limit in (-1, 0, 1.5):
        with pytest.raises(SeriesError, match="limit must be a whole number from 1 on"):
            client.find(limit=limit)
    assert len(Bad.asked) == before


def test_lists_of_uids_are_searched_for_and_other_lists_are_refused(folders):
    with dv.samples.serve(*folders.values()) as stand_in:
        client = dv.dicomweb(stand_in.url)
        uids = [series.uid for series in client.find()]
        assert [series.uid for series in client.find(SeriesInstanceUID=uids)] == uids
        assert [series.uid for series in client.find(SeriesInstanceUID=(uids[1], "1.2"))] == uids[1:]
        for keywords in ({"Modality": ["CT", "MR"]}, {"PatientID": {"1"}}, {"StudyDate": np.arange(2)}):
            with pytest.raises(
                SeriesError, match=rf"{next(iter(keywords))} \([0-9A-F,]*\) must be one value"
            ):
                client.find(**keywords)
        with pytest.raises(SeriesError, match=r"SeriesInstanceUID \(0020,000E\) is an empty list"):
            client.find(SeriesInstanceUID=[])


@needs_orthanc
def test_lists_of_uids_on_a_server(client):
    uids = {series.uid for series in client.find() if series.modality in ("CT", "MR")}
    assert len(uids) > 1
    assert {series.uid for series in client.find(SeriesInstanceUID=list(uids))} == uids


def test_a_server_that_is_ill_is_not_asked_for_all(bad):
    client = dv.dicomweb(f"http://{bad}/ill", connections=2)
    client._client.set_http_retry_params(max_attempts=2, wait_exponential_multiplier=1)
    (series,) = client.find()
    before = len(Bad.asked)
    with pytest.raises(ServerError, match=r"an image from .* it answers 503: it is busy"):
        client.read(series)
    assert 6 <= len({path for path, _ in Bad.asked[before:] if "/instances/" in path}) < 12


def test_a_server_that_fails_now_and_then_is_asked_for_all(folders, monkeypatch):
    client = dv.dicomweb("http://pacs.example")
    fetch = type(client)._instance
    order = [pydicom.dcmread(file).SOPInstanceUID for file in sorted(folders["MR"].iterdir())]
    asked = []

    def now_and_then(self, series, uid):
        asked.append(uid)
        if order.index(uid) % 6 != 5:
            raise requests.HTTPError(response=SimpleNamespace(status_code=500))
        return fetch(self, series, uid)

    monkeypatch.setattr(type(client), "_instance", now_and_then)
    with dv.samples.serve(folders["MR"]) as stand_in:
        client = dv.dicomweb(stand_in.url)
        vol = client.read(client.find()[0])
    assert len(asked) == 27 and len(vol.report.dropped) == 23


def test_what_cannot_be_served_is_told(tmp_path):
    with pytest.raises(PathError, match="none: there is no such folder to serve"):
        dv.samples.serve(tmp_path / "none")
    (tmp_path / "x.dcm").write_text("nothing")
    with pytest.raises(DecodeError, match=r"x\.dcm: not DICOM, or without UIDs"):
        dv.samples.serve(tmp_path)


def test_a_server_lives_although_nobody_holds_it(folders):
    url = dv.samples.serve(folders["MR"]).url
    gc.collect()
    assert len(dv.dicomweb(url).find()) == 1
    (held,) = [one for one in server_module._LIVE if one.url == url]
    held.close()
    held.close()
    assert held not in server_module._LIVE
    with pytest.raises(ServerError, match="cannot be reached"):
        dv.dicomweb(url).find()


def test_a_server_that_refuses_every_image_is_not_asked_for_all(bad):
    client = dv.dicomweb(f"http://{bad}/again", connections=2)
    (series,) = client.find()
    with pytest.raises(ServerError, match=r"an image from .* it answers 401: give credentials"):
        client.read(series)
    assert len([path for path, _ in Bad.asked if path.startswith("/again/") and "/instances/" in path]) < 12


def test_certificates_of_an_authority_of_ones_own(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out ca.pem"
    command += " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as web:
        web.socket = context.wrap_socket(web.socket, server_side=True)
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        url = f"https://127.0.0.1:{web.server_port}/again"
        try:
            assert len(dv.dicomweb(url, verify=str(tmp_path / "ca.pem")).find()) == 1
            strict = dv.dicomweb(url)
            strict._client.set_http_retry_params(max_attempts=1, wait_exponential_multiplier=1)
            with pytest.raises(ServerError, match=r"not accepted \(self.signed certificate\): give the cert"):
                strict.find()
        finally:
            web.shutdown()
            thread.join()
    with pytest.raises(PathError, match=r"none.pem: there are no certificates"):
        dv.dicomweb(url, verify=str(tmp_path / "none.pem"))


@needs_orthanc
def test_memory_holds_a_volume_once(client, folders):
    (series,) = client.find(SeriesDescription="Head 2.5 mm")
    tracemalloc.start()
    try:
        vol = client.read(series)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * vol.array.nbytes
