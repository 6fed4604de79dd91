"""Processor time of an oblique slice, interleaved with that of scipy's map_coordinates."""

import time
from functools import partial
from statistics import median

import numpy as np
from scipy.ndimage import map_coordinates

from dicomview.geometry import plane_values, rotation_matrix

SIZE = 512
ROUNDS = 15
#: Rotation vectors of the plane, degrees: slice, row, column of the array.
PLANES = {"near the slices": (0, 8, 5), "across": (0, 70, 20), "lengthwise": (60, 0, 40)}


def main():
    """Print medians and their ratio; the coordinates that scipy needs are made beforehand."""
    random = np.random.default_rng(0)
    values = random.integers(-1000, 3000, (SIZE,) * 3, dtype=np.int16)
    for dtype in (np.int16, np.float32):
        volume = values.astype(dtype)
        for name, rotation in PLANES.items():
            matrix = rotation_matrix(rotation)
            down, right = matrix[:, 1], matrix[:, 2]
            middle = (SIZE - 1) / 2
            start = middle - middle * down - middle * right
            rows, columns = np.indices((SIZE, SIZE))
            points = start[:, None, None] + down[:, None, None] * rows + right[:, None, None] * columns
            points = points.clip(0, SIZE - 1)
            contestants = {
                "scipy": partial(map_coordinates, volume, points, output=np.float32, order=1, mode="nearest"),
                "ours": partial(plane_values, volume, start, down=down, right=right, shape=(SIZE, SIZE)),
            }
            apart = abs(contestants["ours"]() - contestants["scipy"]()).max() / 4000
            times = {who: [] for who in contestants}
            for _ in range(ROUNDS):
                for who, slice_of in contestants.items():
                    begin = time.process_time()
                    slice_of()
                    times[who].append(time.process_time() - begin)
            ours, theirs = (median(times[who]) * 1e3 for who in ("ours", "scipy"))
            print(
                f"{np.dtype(dtype).name:8} {name:16} ours {ours:5.1f} ms  scipy {theirs:5.1f} ms  "
                f"ours / scipy {ours / theirs:.2f}  apart {apart:.0e} of the range"
            )


if __name__ == "__main__":
    main()
