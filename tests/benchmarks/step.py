"""Processor time of a slice step: the viewer against a naive redraw of three images, interleaved."""

import time
from statistics import median

import numpy as np
from matplotlib.figure import Figure

import dicomview as dv
from dicomview.widgets import viewer as viewer_module
from dicomview.widgets.frames import import_ipympl

SHAPE = (300, 512, 512)
STEPS = 40
#: Pixels of the naive figure; the viewer has the same width.
SIZE = (1200, 450)


def volume():
    """Return noise over a gradient: nothing that compresses away."""
    bits = np.random.PCG64(0).random_raw(int(np.prod(SHAPE)) // 4).view(np.int16).reshape(SHAPE)
    return dv.Volume.from_array(bits >> 6, sampling=(1, 0.7, 0.7))


def naive(vol):
    """Return a function that sets three images and draws the figure, as a first attempt would."""
    ipympl = import_ipympl()
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100)
    canvas = ipympl.Canvas(figure)
    manager = ipympl.FigureManager(canvas, 1)
    images = [
        ax.imshow(plane, cmap="gray", vmin=-512, vmax=512)
        for ax, plane in zip(figure.subplots(1, 3), (vol[150], vol[:, 256], vol[:, :, 256]))
    ]

    def step(k):
        for image, plane in zip(images, (vol[k], vol[:, 256], vol[:, :, 256])):
            image.set_data(plane)
        canvas.draw()

    return step, manager


def ours(vol):
    """Return a function that sets the index of a viewer."""
    viewer_module.WIDTH = SIZE[0]
    viewer = dv.SliceViewer(vol, window=(0, 1024))
    viewer._canvas.figure.canvas.draw()

    def step(k):
        viewer.state.index = (k, 256, 256)

    return step, viewer


def main():
    """Print medians and their ratio."""
    vol = volume()
    steps = {"naive": naive(vol), "viewer": ours(vol)}
    for _, canvas in steps.values():
        # As if a page were connected: no picture for the saved notebook on every frame.
        widget = canvas._canvas.widget if hasattr(canvas, "_canvas") else canvas.canvas
        widget.syncing_data_url = False
    times = {name: [] for name in steps}
    for k in range(100, 100 + STEPS):
        for name, (step, _) in steps.items():
            start = time.process_time()
            step(k)
            times[name].append(time.process_time() - start)
    medians = {name: median(values[5:]) * 1e3 for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:8} {value:6.1f} ms a step")
    print(f"viewer / naive: {medians['viewer'] / medians['naive']:.2f}")


if __name__ == "__main__":
    main()
