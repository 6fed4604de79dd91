"""Named windows that readers of each modality expect."""

from types import MappingProxyType

from dicomview.display.window import Window

__all__ = ["PRESETS", "presets_for"]

#: Windows by modality and name: CT in Hounsfield units, PT in SUV (g/ml).
PRESETS = MappingProxyType(
    {
        "CT": MappingProxyType(
            {
                "brain": Window(40, 80),
                "subdural": Window(75, 200),
                "stroke": Window(40, 40),
                "soft tissue": Window(40, 400),
                "abdomen": Window(50, 350),
                "liver": Window(90, 150),
                "mediastinum": Window(80, 400),
                "lung": Window(-600, 1500),
                "bone": Window(350, 2000),
                "temporal bone": Window(480, 2500),
                "angio": Window(170, 600),
            }
        ),
        "PT": MappingProxyType(
            {
                "SUV 0-5": Window(2.5, 5),
                "SUV 0-10": Window(5, 10),
            }
        ),
    }
)


def presets_for(modality: str | None, units: str | None = None) -> dict[str, Window]:
    """Return the named windows of a modality; empty where its values have no common scale.

    Parameters
    ----------
    modality : str or None
        DICOM Modality (0008,0060), e.g. ``"CT"``.
    units : str, optional
        Units (0054,1001) of PET values; there are windows for ``"GML"``, which is SUV, only.

    Returns
    -------
    dict of str to Window

    Examples
    --------
    >>> presets_for("CT")["brain"]
    Window(center=40, width=80)
    >>> presets_for("MR")
    {}
    """
    if modality == "PT" and units != "GML":
        return {}
    return dict(PRESETS.get(modality or "", {}))
