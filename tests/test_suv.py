"""SUV against numbers worked out by hand."""

import numpy as np
import pydicom
import pytest
from conftest import make_affine

import dicomview as dv
from dicomview.errors import DicomviewError, SUVError
from dicomview.volume import Meta, Report
from dicomview.volume.suv import suv_factor

#: 75 000 g / (400 MBq * 2 ** (-3600 / 6586.2)), calculated with 20 digits.
ONE_HOUR = 0.00027386938991659285
TRACER = {
    "RadionuclideTotalDose": 400e6,
    "RadionuclideHalfLife": 6586.2,
    "RadiopharmaceuticalStartTime": "100000.00",
}
HEADER = {
    "Modality": "PT",
    "Units": "BQML",
    "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY"],
    "DecayCorrection": "START",
    "SeriesDate": "20200102",
    "SeriesTime": "110000",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "110000",
    "PatientWeight": 75.0,
    "PatientName": "Doe^Jane",
    "WindowCenter": 5000,
    "WindowWidth": 10000,
}


def header(tracer=None, **changes):
    """The header with changes; None takes an element away."""
    items = [Meta({k: v for k, v in {**TRACER, **(tracer or {})}.items() if v is not None})]
    full = {**HEADER, "RadiopharmaceuticalInformationSequence": items, **changes}
    return Meta({k: v for k, v in full.items() if v is not None})


def factor(tracer=None, **changes):
    return suv_factor(header(tracer, **changes))[0]


def test_an_hour_of_fluorine_18():
    values = np.linspace(0, 50000, 240, dtype=np.float32).reshape(4, 6, 10)
    vol = dv.Volume.from_array(values, sampling=(3, 2, 2), meta=header())
    suv = vol.suv()
    assert suv.dtype == np.float32 and suv.geometry == vol.geometry
    np.testing.assert_allclose(suv.array, values * ONE_HOUR, rtol=3e-7)
    assert suv.max() == pytest.approx(50000 * ONE_HOUR) and vol.max() == 50000
    assert (suv.unit, suv.meta.Units, vol.unit) == ("SUV", "GML", "BQML")
    assert suv.default_window.limits == (0, 5) and vol.default_window.center == 5000


@pytest.mark.usefixtures("named")
def test_the_report_says_how_but_not_who():
    vol = dv.Volume(
        np.ones((2, 3, 4), np.int16),
        geometry=dv.Geometry((2, 3, 4)),
        meta=header({"RadiopharmaceuticalStartDateTime": "20200102100000"}),
        report=Report(("before",), (), (1,)),
        padding=(-5, 0),
    )
    suv = vol.suv()
    assert suv.report.warnings == (
        "before",
        "SUV (body weight) = value in Bq/ml × 0.000273869: weight 75 kg, dose 400 MBq at injection, "
        "half-life 6586.2 s, 3600 s from injection to SeriesTime",
    )
    assert suv.report.missing == (1,)
    assert suv.padding == pytest.approx((-5 * ONE_HOUR, 0))
    again = suv.suv()
    np.testing.assert_array_equal(again.array, suv.array)
    assert "SUV already" in again.report.warnings[-1] and again.default_window == suv.default_window


def test_padding_stays_padding():
    values = np.array([-3.7, 0.1, 9.9], np.float32).reshape(1, 1, 3)
    pad = (float(values[0, 0, 0]), float(values[0, 0, 1]))
    suv = dv.Volume(values, geometry=dv.Geometry((1, 1, 3)), meta=header(), padding=pad).suv()
    assert [suv.padding[0] <= v <= suv.padding[1] for v in suv.array.ravel().tolist()] == [True, True, False]


@pytest.mark.parametrize(
    ("tracer", "changes", "seconds"),
    [
        ({}, {}, 3600),
        ({"RadiopharmaceuticalStartTime": "1000"}, {"SeriesTime": "10:30:00.5"}, 1800.5),
        # over midnight, without and with dates
        (
            {"RadiopharmaceuticalStartTime": "233000"},
            {"SeriesTime": "003000", "AcquisitionTime": "003100"},
            3600,
        ),
        (
            {"RadiopharmaceuticalStartDateTime": "20200101233000", "RadiopharmaceuticalStartTime": "235900"},
            {"SeriesTime": "003000", "AcquisitionTime": "003100"},
            3600,
        ),
        ({"RadiopharmaceuticalStartDateTime": "20200102100000.000000"}, {}, 3600),
        (
            {"RadiopharmaceuticalStartDateTime": "20200102110000+0100"},
            {"TimezoneOffsetFromUTC": "+0000"},
            3600,
        ),
        (
            {"RadiopharmaceuticalStartDateTime": "20200102040000-0500"},
            {"TimezoneOffsetFromUTC": "+0100"},
            3600,
        ),
        ({"RadiopharmaceuticalStartDateTime": "20200102100000+0100"}, {}, 3600),
        # a date alone says no time
        ({"RadiopharmaceuticalStartDateTime": "20200102"}, {}, 3600),
        # reconstructed the next day: AcquisitionTime counts
        ({}, {"SeriesDate": "20200103", "SeriesTime": "090000", "AcquisitionTime": "110500"}, 3900),
        ({}, {"SeriesTime": "113000", "AcquisitionTime": "110500", "AcquisitionDate": None}, 3900),
        # the acquisition of a late bed position, without its date, after midnight
        (
            {"RadiopharmaceuticalStartTime": "230000"},
            {"SeriesTime": "235500", "AcquisitionTime": "000500", "AcquisitionDate": None},
            3300,
        ),
        # dynamic: injected half a minute after the start
        ({"RadiopharmaceuticalStartTime": "110030"}, {}, -30),
        ({"RadiopharmaceuticalStartDateTime": "20200102110030"}, {}, -30),
        # a tracer of days
        (
            {"RadiopharmaceuticalStartDateTime": "20191230110000", "RadionuclideHalfLife": 282240.0},
            {},
            259200,
        ),
        ({}, {"SeriesDate": None, "AcquisitionDate": None}, 3600),
    ],
)
def test_time_from_injection_to_scan(tracer, changes, seconds):
    half_life = tracer.get("RadionuclideHalfLife", 6586.2)
    expected = 75000 / (400e6 * 2 ** (-seconds / half_life))
    assert factor(tracer, **changes) == pytest.approx(expected, rel=1e-12)


def test_the_start_is_calculated_back_from_a_late_bed_position():
    # Bed position of 120 s that began 600 s after the scan; its mean activity at 600 s + t.
    decay = np.log(2) / 6586.2
    average = np.log(decay * 120 / (1 - np.exp(-decay * 120))) / decay
    assert 59 < average < 60
    changes = {
        "SeriesTime": "150000",
        "AcquisitionTime": "111000",
        "FrameReferenceTime": (600 + average) * 1000,
        "ActualFrameDuration": 120000,
    }
    value, remarks = suv_factor(header(**changes))
    assert value == pytest.approx(ONE_HOUR, rel=1e-9) and "calculated back" in remarks[0]
    del changes["FrameReferenceTime"]
    value, remarks = suv_factor(header(**changes))
    assert value == pytest.approx(75000 / (400e6 * 2 ** (-4200 / 6586.2)))
    assert "the first AcquisitionTime" in remarks[0]


def test_the_first_of_several_bed_positions_began_the_scan(write):
    # Reconstructed later: SeriesTime does not tell the start; the second half was acquired 10 minutes on.
    item = pydicom.Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "400000000", "6586.2"
    item.RadiopharmaceuticalStartTime = "100000"

    def elements(k):
        return {
            "Modality": "PT", "Units": "BQML", "CorrectedImage": ["ATTN", "DECY"], "DecayCorrection": "START",
            "SeriesDate": "20200102", "SeriesTime": "150000", "PatientWeight": "75",
            "AcquisitionDate": "20200102", "AcquisitionTime": "110000" if k >= 3 else "111000",
            "RadiopharmaceuticalInformationSequence": [item],
        }  # fmt: skip

    vol = dv.volread(write("pet", np.full((6, 4, 4), 1000), elements=elements)[0].parent)
    assert "AcquisitionTime" in vol.meta.varying
    assert vol.suv().max() == pytest.approx(1000 * ONE_HOUR, rel=1e-6)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({0x00: "0.0005", 0x09: "2.5"}, 0.0005),
        ({0x09: "2.5"}, 2.5 * ONE_HOUR),
        ({0x00: "0", 0x09: "2.5"}, 2.5 * ONE_HOUR),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_counts_of_philips(write, factors, expected, whole):
    item = pydicom.Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "400000000", "6586.2"
    item.RadiopharmaceuticalStartTime = "100000"
    elements = {**HEADER, "Units": "CNTS", "PatientWeight": "75", "RescaleType": None}
    elements["RadiopharmaceuticalInformationSequence"] = [item]
    files = write("pet", np.full((3, 4, 4), 1000), elements=elements)
    for path in files:
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, value in factors.items():
            block.add_new(element, "DS" if whole else "UN", value if whole else value.encode())
        if not whole:  # as anonymizers leave it
            del dataset[0x70530010]
        dataset.save_as(path)
    vol = dv.volread(files)
    suv = vol.suv()
    np.testing.assert_allclose(suv.array, 1000 * expected, rtol=1e-6)
    assert any("of Philips" in text for text in suv.report.warnings) and suv.unit == "SUV"
    assert vol.unit == "CNTS" and vol.default_window.center == 5000


def test_corrected_to_the_injection_the_dose_does_not_decay():
    bare = {"RadionuclideHalfLife": None, "RadiopharmaceuticalStartTime": None}
    assert factor(bare, DecayCorrection="ADMIN", SeriesTime=None, AcquisitionTime=None) == 75000 / 400e6
    assert factor(bare, DecayCorrection="ADMIN") == pytest.approx(1.875e-4, rel=1e-15)


def test_every_assumption_is_told():
    assert "the day of the injection is not in the header" in suv_factor(header())[1][1]
    late = suv_factor(header({"RadiopharmaceuticalStartTime": "110030"}))[1]
    assert "30 s after the start" in late[-1]
    two = header()
    two["RadiopharmaceuticalInformationSequence"] *= 2
    assert any("first of 2" in text for text in suv_factor(two)[1])


def test_values_that_are_suv_already():
    gml = header(Units="GML", PatientWeight=None, RadiopharmaceuticalInformationSequence=None)
    values = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    suv = dv.Volume.from_array(values, meta=gml).suv()
    np.testing.assert_array_equal(suv.array, values)
    assert suv.dtype == np.float32 and suv.unit == "SUV" and suv.windows["file"].center == 5000
    assert suv_factor({**gml, "SUVType": "BW"})[0] == 1
    with pytest.raises(SUVError, match=r"SUVType \(0054,1006\) must be BW .*not LBM"):
        suv_factor({**gml, "SUVType": "LBM"})


@pytest.mark.parametrize(
    ("tracer", "changes", "named"),
    [
        ({}, {"Modality": "CT"}, ["Modality (0008,0060) must be PT, not CT"]),
        ({}, {"Modality": None}, ["Modality (0008,0060) is missing"]),
        ({}, {"Units": "CNTS"}, ["Units (0054,1001)", "(7053,1000)", "not CNTS"]),
        ({}, {"Units": "PROPCPS"}, ["Units (0054,1001) must be BQML or GML", "not PROPCPS"]),
        ({}, {"Units": None}, ["Units (0054,1001) is missing"]),
        ({}, {"CorrectedImage": ["ATTN"]}, ["CorrectedImage (0028,0051) must hold ATTN and DECY, not ATTN"]),
        ({}, {"CorrectedImage": None}, ["CorrectedImage (0028,0051) is missing"]),
        ({}, {"DecayCorrection": "NONE"}, ["DecayCorrection (0054,1102) must be START or ADMIN, not NONE"]),
        ({}, {"PatientWeight": None}, ["PatientWeight (0010,1030) is missing"]),
        ({}, {"PatientWeight": 0.0}, ["PatientWeight (0010,1030) must be a number of kg"]),
        ({}, {"PatientWeight": 75000.0}, ["PatientWeight (0010,1030) must be a number of kg"]),
        ({"RadionuclideTotalDose": None}, {}, ["RadionuclideTotalDose (0018,1074) is missing"]),
        ({"RadionuclideTotalDose": 400.0}, {}, ["RadionuclideTotalDose (0018,1074) must be a number of Bq"]),
        ({"RadionuclideHalfLife": ""}, {}, ["RadionuclideHalfLife (0018,1075) is missing"]),
        ({"RadionuclideHalfLife": "long"}, {}, ["RadionuclideHalfLife (0018,1075) must be a number"]),
        (
            {"RadiopharmaceuticalStartTime": None},
            {},
            [
                "RadiopharmaceuticalStartDateTime (0018,1078)",
                "RadiopharmaceuticalStartTime (0018,1072) are missing",
            ],
        ),
        ({"RadiopharmaceuticalStartTime": "late"}, {}, ["RadiopharmaceuticalStartTime (0018,1072) must be"]),
        (
            {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20209999999999"},
            {},
            ["RadiopharmaceuticalStartDateTime (0018,1078) must be YYYYMMDDHHMMSS"],
        ),
        ({}, {"SeriesTime": None}, ["SeriesTime (0008,0031) is missing"]),
        ({}, {"AcquisitionTime": ""}, ["AcquisitionTime (0008,0032) is missing"]),
        (
            {},
            {"RadiopharmaceuticalInformationSequence": []},
            ["RadiopharmaceuticalInformationSequence (0054,0016) is missing"],
        ),
        # times that do not belong together
        (
            {"RadiopharmaceuticalStartTime": "113000"},
            {},
            ["RadiopharmaceuticalStartTime (0018,1072)", "half-lives"],
        ),
        ({"RadiopharmaceuticalStartDateTime": "20200102120000"}, {}, ["lies 3600 s after the scan"]),
        ({"RadiopharmaceuticalStartDateTime": "20190102100000"}, {}, ["half-lives before the scan"]),
        # all at once
        (
            {"RadionuclideHalfLife": None, "RadionuclideTotalDose": None},
            {"PatientWeight": None, "SeriesTime": None, "DecayCorrection": None, "CorrectedImage": None},
            ["0018,1075", "0018,1074", "0010,1030", "0008,0031", "0054,1102", "0028,0051"],
        ),
    ],
)
def test_what_is_missing_is_named(tracer, changes, named):
    vol = dv.Volume.from_array(np.ones((2, 3, 4)), meta=header(tracer, **changes))
    with pytest.raises(SUVError) as caught:
        vol.suv()
    assert isinstance(caught.value, DicomviewError) and isinstance(caught.value, ValueError)
    for text in named:
        assert text in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_frames_keep_their_dimension():
    vol = dv.Volume.from_array(np.ones((5, 2, 3, 4)), meta=header())
    suv = vol.suv()
    assert suv.dims == vol.dims and suv.dimensions == vol.dimensions and suv.shape == vol.shape


def test_what_was_not_acquired_stays_without_a_value():
    oblique = dv.Volume.from_array(np.ones((9, 8, 7)), affine=make_affine("oblique"), meta=header())
    straight = oblique.on_patient_axes()
    everywhere = np.ix_(*map(range, straight.shape))
    lacking = straight.without_data(everywhere)
    assert lacking.any() and not lacking.all()
    assert (straight.suv().without_data(everywhere) == lacking).all()
