"""A task whose module takes long to import, and what it needs too."""

import time

import numpy as np

time.sleep(1)


def prepare(items):
    """Import what decoding needs."""
    time.sleep(1)


def task(items, rooms):
    for item in items:
        yield np.array([item])
