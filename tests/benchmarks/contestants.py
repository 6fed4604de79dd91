"""The viewers that are compared: the cell that makes each, where its picture is and what moves it."""

from dataclasses import dataclass

SETUP = """
import numpy as np
import dicomview as dv
from dicomview.widgets.frames import import_ipympl
vol = dv.Volume.from_array(np.load("volume.npy"), sampling=(1, 0.7, 0.7))
array = vol.array
"""

DICOMVIEW = "viewer = dv.SliceViewer(vol, window=(0, 1024), draw={!r})\nviewer"

NAIVE = """
import ipywidgets
from matplotlib.figure import Figure
ipympl = import_ipympl()
figure = Figure(figsize=(12, 4.5), dpi=100)
canvas = ipympl.Canvas(figure)
manager = ipympl.FigureManager(canvas, 1)
planes = lambda k: (array[k], array[:, 256], array[:, :, 256])
images = [ax.imshow(p, cmap="gray", vmin=-512, vmax=512) for ax, p in zip(figure.subplots(1, 3), planes(150))]
slider = ipywidgets.IntSlider(value=150, min=0, max=299)

def show(change):
    for image, plane in zip(images, planes(change["new"])):
        image.set_data(plane)
    canvas.draw_idle()

slider.observe(show, "value")
ipywidgets.VBox([slider, canvas])
"""

TUTORIAL = """
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import interact

def show(k=150):
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.5), dpi=100)
    for ax, plane in zip(axes, (array[k], array[:, 256], array[:, :, 256])):
        ax.imshow(plane, cmap="gray", vmin=-512, vmax=512)
    plt.show()

browser = interact(show, k=(0, 299))
slider = browser.widget.children[0]
"""

STACKVIEW = """
import stackview
viewer = stackview.orthogonal(array, display_min=-512, display_max=512, zoom_factor=0.75, crosshairs=False)
slider = viewer.children[0].viewer.sliders[0]
viewer
"""

IPYNIIVUE = """
from ipyniivue import NiiVue, SliceType
viewer = NiiVue(height=450)
viewer.load_volumes([{"path": "volume.nii"}])
viewer.set_slice_type(SliceType.MULTIPLANAR)
viewer
"""

#: No viewer: what a page takes to paint anything at all when a key is pressed.
FLOOR = '''
import anywidget

class Floor(anywidget.AnyWidget):
    _esm = """
    export default {
      render({ el }) {
        const options = { width: 1200, height: 450, tabIndex: 0, className: "floor" };
        const canvas = el.appendChild(Object.assign(document.createElement("canvas"), options));
        canvas.dataset.lmSuppressShortcuts = "true"; // the notebook is not to take the keys
        const context = canvas.getContext("2d", { alpha: false });
        const image = context.createImageData(400, 400);
        const pixels = new Uint32Array(image.data.buffer).map(() => 0xff000000 | (Math.random() * 0xffffff));
        const paint = () => {
          pixels.copyWithin(0, 401); // another picture
          for (let i = 1; i <= 401; i++) pixels[pixels.length - i] = 0xff000000 | (Math.random() * 0xffffff);
          context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), 400, 400), 0, 25);
        };
        canvas.addEventListener("keydown", paint);
        canvas.addEventListener("wheel", paint);
        paint();
      },
    };
    """

Floor()
'''

HANDLE = ".noUi-handle"
DIV = ".dicomview .jupyter-matplotlib-canvas-div"
OUTPUT = ".jp-OutputArea-output"


@dataclass(frozen=True)
class Contestant:
    """A viewer and how it is driven.

    Attributes
    ----------
    name : str
    cell : str
    picture : str
        Selector of the canvases or images that change.
    place : tuple of float
        Where in them the axial plane is, as parts of width and height.
    focus : str
        Selector of what takes the keys; empty where there are none, and the wheel is turned.
    key : str
    wheel : str
        Selector of what hears the wheel, if anything does.
    drags : bool
        Whether a drag over the picture changes the window.
    index : str
        Expression for the slice, where the kernel knows it.
    go : str
        Expression that moves it to the slice K.
    needs : str
        Package.
    is_whole : bool
        Whether the whole volume is sent before the first picture: hopeless over a slow link.
    """

    name: str
    cell: str
    picture: str
    place: tuple[float, float] = (0.2, 0.45)
    focus: str = HANDLE
    key: str = "ArrowRight"
    wheel: str = ""
    drags: bool = False
    index: str = "slider.value"
    go: str = "setattr(slider, 'value', K)"
    needs: str = "ipympl"
    is_whole: bool = False


CONTESTANTS = [
    Contestant(
        "browser", DICOMVIEW.format("browser"), ".dicomview .jupyter-matplotlib-canvas-div canvas",
        focus=DIV, key="ArrowUp", wheel=DIV, drags=True, index="viewer.state.index[0]",
        go="setattr(viewer.state, 'index', (K, 256, 256))",
    ),
    Contestant(
        "kernel", DICOMVIEW.format("kernel"), ".dicomview .jupyter-matplotlib-canvas-div canvas",
        focus=DIV, key="ArrowUp", wheel=DIV, drags=True, index="viewer.state.index[0]",
        go="setattr(viewer.state, 'index', (K, 256, 256))",
    ),
    Contestant(
        "floor", FLOOR, ".floor", focus=".floor", key="ArrowUp", wheel=".floor", index="", go="",
        needs="anywidget",
    ),
    Contestant("naive", NAIVE, f"{OUTPUT} canvas"),
    Contestant("tutorial", TUTORIAL, f"{OUTPUT} img"),
    Contestant(
        "stackview", STACKVIEW, f"{OUTPUT} .widget-hbox > .widget-hbox:first-child canvas",
        place=(0.3, 0.45), needs="stackview",
    ),
    Contestant(
        "ipyniivue", IPYNIIVUE, f"{OUTPUT} canvas",
        focus="", key="", wheel=f"{OUTPUT} canvas", index="", go="", needs="ipyniivue", is_whole=True,
    ),
]  # fmt: skip
