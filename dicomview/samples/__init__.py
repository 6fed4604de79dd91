"""Synthetic DICOM series with known contents: a head CT and a knee MR, and the means to write more."""
