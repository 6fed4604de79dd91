"""The command line: what is in a folder, pictures, movies and pages of it, without a line of Python."""

from dicomview.cli.run import main

__all__ = ["main"]
