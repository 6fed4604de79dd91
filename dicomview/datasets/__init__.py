"""Real public images by name: fetched once, checked, and kept in the user's cache.

>>> import dicomview as dv
>>> dv.datasets.list()["enhanced-mr"].modality
'MR'
"""

from dicomview.datasets.catalog import Dataset, DatasetTable, listed
from dicomview.datasets.fetching import fetch

#: What there is.
list = listed

__all__ = ["Dataset", "DatasetTable", "fetch", "list"]
