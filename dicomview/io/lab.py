"""CIELab: the colours of segments as DICOM has them, and as screens do."""

from collections.abc import Sequence

import numpy as np

__all__ = ["lab_to_rgb", "rgb_to_lab"]

#: White.
D50 = (0.9642, 1.0, 0.8249)
#: From XYZ to linear sRGB.
TO_LINEAR = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
#: Where the curve of CIELab becomes a line.
KNEE = 6 / 29


def lab_to_rgb(value: Sequence[int]) -> tuple[int, int, int]:
    """Return a CIELab value, as DICOM encodes it in 16 bits, as sRGB of 8 bits.

    References
    ----------
    DICOM PS3.3 C.10.7.1.1 (0 to 65535 are L* 0 to 100, a* and b* -128 to 127; white is D50); the Bradford
    adaptation of ICC sRGB to D50; IEC 61966-2-1 (sRGB).

    Examples
    --------
    >>> lab_to_rgb((65535, 0x8080, 0x8080)), lab_to_rgb((0, 0x8080, 0x8080))
    ((255, 255, 255), (0, 0, 0))
    """
    light, a, b = (float(v) / 65535 for v in value)
    y = (100 * light + 16) / 116
    f = np.array([y + (255 * a - 128) / 500, y, y - (255 * b - 128) / 200])
    relative = np.where(f > KNEE, f**3, 3 * KNEE**2 * (f - 4 / 29))
    linear = np.clip(TO_LINEAR @ (relative * D50), 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(v) for v in np.rint(255 * shown))
    return red, green, blue


def rgb_to_lab(value: Sequence[int]) -> tuple[float, float, float]:
    """Return sRGB of 8 bits as L*, a* and b*, where white is D50: the way back from :func:`lab_to_rgb`.

    Examples
    --------
    >>> [round(v) for v in rgb_to_lab((255, 255, 255))], [round(v) for v in rgb_to_lab((255, 0, 0))]
    ([100, 0, 0], [54, 81, 70])
    """
    shown = np.asarray(value, dtype=np.float64) / 255
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    relative = np.linalg.solve(TO_LINEAR, linear) / D50
    f = np.where(relative > KNEE**3, np.cbrt(relative), relative / (3 * KNEE**2) + 4 / 29)
    light, a, b = 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
    return float(np.clip(light, 0, 100)), float(a), float(b)
