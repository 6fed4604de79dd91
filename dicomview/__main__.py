"""What ``python -m dicomview`` does: the command line."""

import sys

from dicomview.cli import main

__all__ = ()

if __name__ == "__main__":
    sys.exit(main())
