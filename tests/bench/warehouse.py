"""A SQL warehouse over an estate: `python -m tests.bench.warehouse ESTATE` prints where it is, and serves until its input ends."""

import json
import sys
from pathlib import Path

from tests.wire.server import TOKEN, LocalWarehouse

if __name__ == "__main__":
    with LocalWarehouse(Path(sys.argv[1])) as running:
        print(json.dumps({"url": running.url, "http_path": running.http_path, "token": TOKEN}), flush=True)
        sys.stdin.read()
