"""Lazy volumes and headers on the workers of a cluster."""

import os
import pickle
import time

import numpy as np
import pytest
from conftest import make_voxels

import dicomview as dv
from dicomview.io import cluster

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")


def write_tree(write, folders=4):
    """Write series into folders, each of another patient, with something else beside them."""
    for i in range(folders):
        files = write(f"tree/{i}", make_voxels(seed=i), series_uid=f"1.2.{i}", study_uid=f"1.3.{i}")
    (files[0].parent / "notes.txt").write_text("not an image")
    (files[0].parent / "broken.dcm").write_bytes(b"rubbish" * 100)
    return files[0].parents[1]


def told(found):
    return [(s.uid, s.shape, s.files, s.warnings) for s in found], found.dropped, found.others


def test_without_a_client_everything_is_done_here():
    assert cluster.spread(list, range(1000)) == [list(range(1000))]


def test_two_workers(write, monkeypatch, decoded):
    monkeypatch.setattr(cluster, "BATCH", 5)
    tree = write_tree(write)
    alone = dv.find_series(tree)

    def process(items):
        time.sleep(0.05)
        return os.getpid()

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local,
        distributed.Client(local) as client,
    ):
        workers = set(cluster.spread(process, range(50)))
        assert len(workers) == 2 and os.getpid() not in workers
        assert told(dv.find_series(tree)) == told(alone)
        volumes = dv.mvolread(tree, lazy=True)
        for i, volume in enumerate(volumes):
            voxels = make_voxels(seed=i)
            np.testing.assert_array_equal(np.asarray(volume), voxels)
            assert float(volume.mean().compute()) == voxels.mean()
            np.testing.assert_array_equal(volume[2:5].max(axis=0).compute(), voxels[2:5].max(axis=0))
        counts, _ = da.histogram(volumes[0].array, bins=10, range=(-100, 400))
        np.testing.assert_array_equal(counts.compute(), np.histogram(make_voxels(), 10, (-100, 400))[0])
        folders = client.gather(client.map(dv.find_series, [str(tree / str(i)) for i in range(4)]))
        assert [s.uid for found in folders for s in found] == [s.uid for s in alone]
        viewer = dv.SliceViewer(volumes[0])
        np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), make_voxels()[3])
        viewer.close()
    assert decoded == []  # not in this process


def test_files_go_to_a_client_in_batches(write, monkeypatch):
    monkeypatch.setattr(cluster, "BATCH", 5)
    sent = []
    tree = write_tree(write, 2)
    alone = dv.find_series(tree)

    class Client:
        def map(self, work, batches, pure):
            sent.append(len(batches))
            return [pickle.loads(pickle.dumps(work(batch))) for batch in batches]

        def gather(self, futures):
            return futures

    monkeypatch.setattr(cluster, "_client", Client)
    assert told(dv.find_series(tree)) == told(alone) and sent == [3]
    volume = dv.volread(tree / "0", lazy=True)
    assert len(sent) == 1  # six files are not worth sending
    np.testing.assert_array_equal(np.asarray(volume), make_voxels(seed=0))
    found = dv.find_series(tree)
    assert any(header.scanned for series in found for header in series.stack.headers)
    for series, other in zip(found, alone):
        volume, plain = series.read(), other.read()
        np.testing.assert_array_equal(volume, plain)
        assert dict(volume.meta) == dict(plain.meta)
        assert volume.meta.per_slice("SOPInstanceUID") == plain.meta.per_slice("SOPInstanceUID")
