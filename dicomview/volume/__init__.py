"""Volume and Image: arrays that know their place, their header and where they came from."""

from dicomview.volume.array import Image
from dicomview.volume.contours import Contour
from dicomview.volume.dimension import Dimension
from dicomview.volume.meta import Meta
from dicomview.volume.report import Disagreement, Dropped, Gap, Report, Source
from dicomview.volume.segment import Segment
from dicomview.volume.segmentation import Segmentation
from dicomview.volume.volume import Volume

__all__ = [
    "Contour",
    "Dimension",
    "Disagreement",
    "Dropped",
    "Gap",
    "Image",
    "Meta",
    "Report",
    "Segment",
    "Segmentation",
    "Source",
    "Volume",
]
