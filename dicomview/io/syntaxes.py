"""Transfer syntaxes by their UIDs, for workers: these start at once because they need no pydicom."""

__all__ = [
    "ALL_JPEG",
    "ALL_JPEG_2000",
    "JPEG_2000",
    "JPEG_2000_LOSSLESS",
    "JPEG_LOSSLESS",
    "JPEG_LS_LOSSLESS",
    "JPEG_LS_NEAR_LOSSLESS",
    "NATIVE",
    "RLE",
]

#: Uncompressed pixels whose bytes lie in the file as they are.
NATIVE = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
#: By any predictor, and by the first.
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG_LS_LOSSLESS, JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
RLE = "1.2.840.10008.1.2.5"
#: Whatever is coded as JPEG or JPEG-LS; as JPEG 2000, with its parts for volumes and high throughput.
_JPEG, _NUMBERS = "1.2.840.10008.1.2.4.", (50, 51, 57, 70, 80, 81)
ALL_JPEG = frozenset(f"{_JPEG}{number}" for number in _NUMBERS)
ALL_JPEG_2000 = frozenset(f"{_JPEG}{number}" for number in (90, 91, 92, 93, 201, 202, 203))
