"""A stand-in for the package that Colab's kernels have."""
