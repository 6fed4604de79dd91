"""Loading, measured: dicomview, all installed peers and the limit in turns, each in a process of its own."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

#: Series: kind of writer, number of slices, name of the syntax.
SERIES = {
    "60 slices": ("classic", 60, "uncompressed"),
    "300 slices": ("classic", 300, "uncompressed"),
    "1000 slices": ("classic", 1000, "uncompressed"),
    "300 of JPEG 2000": ("classic", 300, "JPEG 2000"),
    "300 of JPEG-LS": ("classic", 300, "JPEG-LS"),
    "300 of JPEG lossless": ("classic", 300, "JPEG lossless"),
    "300 of RLE": ("classic", 300, "RLE"),
    "300 frames": ("enhanced", 300, "uncompressed"),
    "300 frames of JPEG-LS": ("enhanced", 300, "JPEG-LS"),
}
QUICK = ("60 slices", "300 slices", "300 of RLE", "300 frames")
#: What a figure is called among the peers, and the package that it needs.
PEERS = {
    "dicomview": "dicomview",
    "pydicom": "pydicom",
    "pydicom, tag list": "pydicom",
    "imageio v2": "imageio",
    "SimpleITK": "SimpleITK",
    "dicomsdl": "dicomsdl",
    "highdicom": "highdicom",
    "dicom-numpy": "dicom_numpy",
    "dicom2nifti": "dicom2nifti",
    "dcm2niix": "dcm2niix",
}
#: So many turns are enough for what takes longer than so many seconds.
FEW, LONG = 3, 1.0
#: These read neither compressed files nor multi-frame ones, or only some of them.
ONLY_CLASSIC = ("pydicom, tag list", "imageio v2", "dicom-numpy", "dicom2nifti", "highdicom")
TAGS = ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "RescaleSlope",
        "RescaleIntercept", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
        "SamplesPerPixel", "PhotometricInterpretation", "PixelData"]  # fmt: skip


def limit(folder):
    """Read the bytes of all pixels into one array; where they begin was found out before."""
    import numpy as np

    places = json.loads((folder / ".." / f"{folder.name}.json").read_text())
    array = np.empty(sum(size for _, _, size in places) // 2, "<i2")
    view, at = memoryview(array).cast("B"), 0
    for name, start, size in places:
        with (folder / name).open("rb", buffering=0) as file:
            file.seek(start)
            file.readinto(view[at : at + size])
        at += size
    return array


def dicomview(folder):
    import dicomview as dv

    return dv.volread(folder).array


def find_series(folder):
    import dicomview as dv

    return dv.find_series(folder)


def first_picture(folder):
    """Read what ``SliceViewer(folder)`` shows first: all headers, and three slices."""
    import numpy as np

    import dicomview as dv

    (series,) = dv.find_series(folder)
    volume = series.read_planewise()
    middle = len(volume) // 2
    return np.asarray(volume[middle - 1 : middle + 2])


def cached_series(folder):
    import dicomview as dv

    return dv.find_series(folder, cache=folder.with_suffix(".cache"))


def pydicom_headers(folder):
    import pydicom

    return [pydicom.dcmread(file, stop_before_pixels=True) for file in folder.iterdir()]


def pydicom(folder, **options):
    """Stack what pydicom decodes, sorted by position, in Hounsfield units."""
    import numpy as np
    import pydicom

    files = [pydicom.dcmread(file, **options) for file in folder.iterdir()]
    if len(files) == 1:
        return files[0].pixel_array.astype(np.int16) - np.int16(1024)
    files.sort(key=lambda f: float(f.ImagePositionPatient[2]))
    return np.stack(
        [f.pixel_array.astype(np.int16) * int(f.RescaleSlope) + int(f.RescaleIntercept) for f in files]
    )


def pydicom_tags(folder):
    return pydicom(folder, specific_tags=TAGS)


def imageio(folder):
    import imageio.v2

    return imageio.v2.volread(folder, format="DICOM")


def simpleitk(folder):
    import SimpleITK

    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(names if len(names) > 1 else names[0])
    return SimpleITK.GetArrayViewFromImage(image)


def dicomsdl(folder):
    import dicomsdl
    import numpy as np

    files = [dicomsdl.open(str(file)) for file in folder.iterdir()]
    if len(files) == 1:
        count = files[0].NumberOfFrames
        return np.stack([files[0].pixelData(index=k, storedvalue=False) for k in range(count)])
    files.sort(key=lambda f: f.ImagePositionPatient[2])
    return np.stack([f.pixelData(storedvalue=False) for f in files])


def highdicom(folder):
    import highdicom
    import pydicom

    files = [pydicom.dcmread(file) for file in folder.iterdir()]
    return highdicom.get_volume_from_series(files).array


def dicom_numpy(folder):
    import dicom_numpy
    import pydicom

    return dicom_numpy.combine_slices([pydicom.dcmread(file) for file in folder.iterdir()])[0]


def dicom2nifti(folder):
    import dicom2nifti
    import nibabel

    with tempfile.TemporaryDirectory() as out:
        dicom2nifti.dicom_series_to_nifti(str(folder), f"{out}/volume.nii", reorient_nifti=False)
        return nibabel.load(f"{out}/volume.nii").get_fdata(dtype="float32")


def dcm2niix(folder):
    import dcm2niix
    import nibabel

    with tempfile.TemporaryDirectory() as out:
        command = [dcm2niix.bin, "-b", "n", "-z", "n", "-o", out, str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (made,) = Path(out).glob("*.nii")
        return nibabel.load(made).get_fdata(dtype="float32")


CALLS = {
    "limit": limit, "dicomview": dicomview, "pydicom": pydicom, "pydicom, tag list": pydicom_tags,
    "imageio v2": imageio, "SimpleITK": simpleitk, "dicomsdl": dicomsdl, "highdicom": highdicom,
    "dicom-numpy": dicom_numpy, "dicom2nifti": dicom2nifti, "dcm2niix": dcm2niix, "find_series": find_series,
    "pydicom headers": pydicom_headers, "first picture": first_picture, "with a cache": cached_series,
}  # fmt: skip


def child(name, folder):
    """Time one call in this process; print that and the peak memory."""
    import warnings

    warnings.simplefilter("ignore")
    call = CALLS[name]
    # dicomview imports what reads with the first call.
    for module in {"dicomview", "dicomview.io", "pydicom", "numpy", PEERS.get(name, "numpy")}:
        importlib.import_module(module)
    start = time.perf_counter()
    result = call(folder)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak_memory(), getattr(result, "nbytes", 0) / 2**20]))


def peak_memory():
    """Return the most memory that this process or one that it started has taken, MB."""
    import resource

    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    try:  # what getrusage says of this process includes what its parent had
        lines = Path("/proc/self/status").read_text().splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except OSError:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**20 if sys.platform == "darwin" else 1024
        )
    return max(own, started)


def forget(folder):
    """Have the system forget what it knows of the files: the next call reads them from the disk."""
    for file in folder.iterdir():
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)  # only what is on the disk can be forgotten
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def environment(temporary):
    """Return what new processes get: bytecode is kept, as it is where packages are installed."""
    kept = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPYCACHEPREFIX": f"{temporary}/bytecode"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


def measured(name, folder, *, cold=False):
    """Return seconds and peak memory of one call in a process of its own; None where it fails."""
    if cold:
        forget(folder)
    command = [sys.executable, __file__, "--child", name, str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(folder.parent), check=False
    )
    if done.returncode:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def import_times(rounds, temporary):
    """Return how long new processes take to import dicomview, what it reads with, and what that needs."""
    codes = ("import dicomview", "from dicomview import volread", f"import {DEPENDENCIES}")
    times = {code: [] for code in codes}
    for _ in range(rounds + 1):
        for code in codes:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, env=environment(temporary))
            times[code].append(time.perf_counter() - start)
    return [median(found[1:]) for found in times.values()]


def write(root, name):
    """Write a series, and beside it where its pixels are."""
    import pydicom
    import series

    writer, count, syntax = SERIES[name]
    folder = root / name.replace(" ", "-")
    write_series = series.write_classic if writer == "classic" else series.write_enhanced
    write_series(folder, count, series.SYNTAXES[syntax])
    places = []
    for file in sorted(folder.iterdir()):
        with file.open("rb") as stream:
            pydicom.dcmread(stream, stop_before_pixels=True)
            start = stream.tell() + 12
        places.append((file.name, start, (file.stat().st_size - start) // 2 * 2))
    (root / f"{folder.name}.json").write_text(json.dumps(places))
    return folder


def table(rows, folder, rounds, *, cold=False):
    """Measure all of them in turns, and print medians, ratios and peak memory; return the medians."""
    results = {name: [] for name in rows}
    for turn in range(rounds):
        for name in rows:
            known = results[name]
            # What takes long varies less.
            if known is not None and not (turn >= FEW and known[0][0] > LONG):
                found = measured(name, folder, cold=cold)
                results[name] = None if found is None else [*known, found]
    base = median(r[0] for r in results["limit"]) if results.get("limit") else None
    ours = next((n for n in ("dicomview", "find_series") if results.get(n)), rows[0])
    our_time = median(r[0] for r in results[ours])
    for name, found in results.items():
        if found is None:
            print(f"  {name:18}  cannot read it")
            continue
        seconds = median(r[0] for r in found)
        to_limit = "" if base is None else f"{seconds / base:8.2f} x limit"
        print(
            f"  {name:18} {seconds:8.3f} s {to_limit} {seconds / our_time:8.2f} x {ours:11}"
            f" {max(r[1] for r in found):7.0f} MB peak: array + {max(r[1] - r[2] for r in found):.0f}",
            flush=True,
        )
    return {name: median(r[0] for r in found) for name, found in results.items() if found}


def isolation(folder, rounds):
    """Print what it costs that decoders run in processes of their own, once these are started."""
    command = [sys.executable, str(Path(__file__).with_name("isolated.py")), str(folder), str(2 * rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(folder.parent))
    first, isolated, alone = json.loads(done.stdout)
    for kind, ours, theirs in zip(("by the clock", "of processor time"), isolated, alone):
        print(
            f"  isolated {ours[0]:.3f} s {kind} (median {ours[1]:.3f}), in process {theirs[0]:.3f} "
            f"({theirs[1]:.3f}): ratio {ours[0] / theirs[0]:.2f} ({ours[1] / theirs[1]:.2f})",
            flush=True,
        )
    print(f"  with the start of the workers {first:.3f} s", flush=True)


def main():
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="*", help=f"of {', '.join(SERIES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer series and repetitions")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--cold", action="store_true", help="read from the disk, not from the system's cache")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    rounds = options.rounds or (3 if options.quick else 7)
    peers = [name for name, package in PEERS.items() if importlib.util.find_spec(package)]
    missing = sorted(set(PEERS) - set(peers))
    if missing:
        print(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.series or (QUICK if options.quick else SERIES):
            folder = write(Path(temporary), name)
            plain = SERIES[name][0] == "classic" and SERIES[name][2] == "uncompressed"
            print(f"{name} (median of {rounds}{', from the disk' * options.cold})", flush=True)
            contestants = ["limit", *(p for p in peers if plain or p not in ONLY_CLASSIC)]
            table(contestants, folder, rounds, cold=options.cold)
            if SERIES[name][2] != "uncompressed":
                isolation(folder, rounds)
            if plain:
                print(f"{name}: headers, and the first picture")
                measured("with a cache", folder)
                rows = ["find_series", "with a cache", "pydicom headers", "first picture", "dicomview"]
                found = table(rows, folder, rounds, cold=options.cold)
                faster = found["pydicom headers"] / found["find_series"]
                part = found["first picture"] / found["dicomview"]
                print(
                    f"  headers {faster:.1f} x as fast as pydicom's; first picture: {part:.2f} of a full read"
                )
        print(f"import (median of {rounds})")
        ours, reading, theirs = import_times(rounds, temporary)
        print(f"  dicomview {ours:.3f} s, its dependencies {theirs:.3f} s: ratio {ours / theirs:.2f}")
        print(f"  with all that reads {reading:.3f} s: ratio {reading / theirs:.2f}")


#: What dicomview needs before anything is shown.
DEPENDENCIES = "numpy, pydicom, pydicom.pixels, imageio.v3, tqdm, platformdirs"


if __name__ == "__main__":
    main()
