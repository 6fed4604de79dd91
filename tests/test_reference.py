"""Scanner data against reference values, where that data is present."""

import pytest
import reference

ENTRIES = reference.entries(kinds=("volume", "4d", "enhanced", "mosaic"))


@pytest.mark.skipif(not ENTRIES, reason=f"no reference data in {reference.DATA} (set DICOMVIEW_DATA)")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_shape_affine_and_voxels_are_the_reference_ones(entry):
    assert reference.check(entry) == []
