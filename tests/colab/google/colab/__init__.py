"""A stand-in for google.colab, which Colab's kernels import when they start."""
