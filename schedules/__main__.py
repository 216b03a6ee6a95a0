"""`python -m schedules` is `uc-miner`."""

import sys

from schedules.cli import main

if __name__ == "__main__":
    sys.exit(main())
