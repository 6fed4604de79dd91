"""The fuzzer: what it found stays mended, it does the same each time, and its oracle notices."""

import base64
import json
import sys
import zlib
from pathlib import Path

import pydicom
import pytest

import dicomview as dv

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

import fuzz
import guided
import mutations
import oracle
import seeds

FINDINGS = sorted(fuzz.FINDINGS.glob("*.json"))
GUIDED = sorted(fuzz.FINDINGS.glob("guided/*.json"))


@pytest.fixture(scope="module")
def worker():
    with fuzz.Worker() as worker:
        yield worker


@pytest.fixture(autouse=True)
def budget(monkeypatch):
    monkeypatch.setattr(dv.options, "memory_budget", dv.options.memory_budget)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: path.stem)
def test_what_was_found_stays_mended(finding, worker):
    assert worker.read(fuzz.files_of(finding))["wrong"] == ""


@pytest.mark.parametrize("finding", GUIDED, ids=lambda path: path.stem)
def test_what_was_found_along_coverage_stays_mended(finding):
    content = json.loads(finding.read_text(encoding="utf-8"))
    guided.checker(content["target"])(zlib.decompress(base64.b85decode(content["file"])))


@pytest.mark.parametrize("name", seeds.names())
def test_series_that_are_not_spoiled_are_read(name, worker):
    answer = worker.read(seeds.seed(name))
    assert answer["wrong"] == ""
    assert answer["volumes"] == 1 or name == "structures"


def test_a_case_is_always_the_same():
    again = [mutations.case("1", number, ["ct", "jpeg"], seeds.seed) for number in range(20)]
    assert again == [mutations.case("1", number, ["ct", "jpeg"], seeds.seed) for number in range(20)]
    assert len({str(steps) for _, steps in again}) == 20
    spoiled = [mutations.applied(seeds.seed(name), steps) != seeds.seed(name) for name, steps in again]
    assert sum(spoiled) > 15


def test_elements_are_found_also_inside_sequences():
    (data,) = seeds.seed("frames undefined").values()
    found = {element.name: element for element in mutations.elements_of(data)}
    place = found["ImagePositionPatient"]
    assert data[place.value : place.end].startswith(b"-10.0\\-20.5\\") and found["Rows"].vr == b"US"


def test_the_worker_tells_what_ended_it(monkeypatch):
    monkeypatch.setattr(fuzz, "PATIENCE", 0.2)
    with fuzz.Worker() as worker:
        worker._start()
        worker._process.send_signal(19)  # stop
        assert worker.read(seeds.seed("ct"))["wrong"] == "Hang"
        assert worker.read(seeds.seed("ct"))["wrong"] in ("", "Hang")


@pytest.fixture
def folder(tmp_path):
    for name, data in seeds.seed("ct").items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_the_oracle_notices_another_value(folder):
    volume = dv.volread(folder)
    oracle.check_volume(volume)
    volume.array[1, 2, 3] += 1
    with pytest.raises(oracle.Wrong, match=r"IM0001.dcm.*at \(2, 3\).*1 differ"):
        oracle.check_volume(volume)


def test_the_oracle_notices_another_place(folder):
    path = folder / "IM0001.dcm"
    volume = dv.volread(folder)
    dataset = pydicom.dcmread(path)
    dataset.ImagePositionPatient = [0, 0, 0]
    dataset.save_as(path)
    with pytest.raises(oracle.Wrong, match="mm from ImagePositionPatient"):
        oracle.check_place(volume, 1, path)


def test_the_oracle_notices_an_error_without_a_remedy():
    with pytest.raises(oracle.Wrong, match="without a remedy"):
        oracle.check_error(dv.DicomviewError("something"))


def test_the_oracle_notices_what_is_passed_over(folder):
    found = dv.find_series(folder)
    oracle.check_all_told(found, folder, sorted(folder.iterdir()))
    with pytest.raises(oracle.Wrong, match="in no series"):
        oracle.check_all_told(
            found[:0] or dv.find_series([folder / "IM0000.dcm"]), folder, sorted(folder.iterdir())
        )


def test_findings_are_kept_and_read_again(tmp_path):
    files = {"a.dcm": b"abc", "b/c.dcm": bytes(1000)}
    fuzz.keep("one", "ct", files, [("cut", "a.dcm", 1, 2, b"")], "Wrong: x", tmp_path)
    assert fuzz.files_of(tmp_path / "one.json") == {"a.dcm": b"a", "b/c.dcm": bytes(1000)}
    assert fuzz.kind_of("Wrong: IM1 is 2.5 mm away") == fuzz.kind_of("Wrong: IM2 is 3.5 mm away")
