"""Volume and Image: arrays that know their place, their header and where they came from."""

from dicomview.volume.array import Image
from dicomview.volume.dimension import Dimension
from dicomview.volume.meta import Meta
from dicomview.volume.report import Disagreement, Dropped, Gap, Report, Source
from dicomview.volume.volume import Volume

__all__ = ["Dimension", "Disagreement", "Dropped", "Gap", "Image", "Meta", "Report", "Source", "Volume"]
