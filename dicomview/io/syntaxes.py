"""Transfer syntaxes by their UIDs, for workers: these start at once because they need no pydicom."""

__all__ = [
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
