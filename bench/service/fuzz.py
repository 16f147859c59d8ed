"""10,000 hostile requests to every route of a filled service: `python bench/service/fuzz.py`.

    python bench/service/fuzz.py [--count 10000] [--seed 1] [--role developer|server] [--store URL]

Bar: no answer with a status of 5xx, no traceback, statement or place of the store in any error, no
request that hangs. `--store` names an empty store, such as one on PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlrun_like.tracking.connect import close_stores
from tests.api.fuzzed import fuzzed_service
from tests.api.fuzzing import Fuzzer, fuzz

__all__ = ["main"]


def main() -> int:
    """Send them; 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--role", choices=("developer", "server"), default="developer")
    parser.add_argument("--store", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = fuzzed_service(Path(folder), given.store)
        requests = iter(Fuzzer(given.seed, service.routes, service.names))
        began = time.perf_counter()
        headers = service.tokens[given.role]
        found = asyncio.run(fuzz(service.app, requests, given.count, headers, service.places))
        seconds = time.perf_counter() - began
        close_stores()
    for problem, sent, body in found[:50]:
        sys.stdout.write(f"{problem}: {sent.method} {sent.path[:300]} {sent.headers}\n")
        sys.stdout.write(f"    {sent.body[:300]!r}\n    {body}\n")
    routes = len({(route.path, *sorted(route.methods or ())) for route in service.routes})
    sys.stdout.write(
        f"{given.count} requests to {routes} routes as {given.role}, seed {given.seed}, "
        f"in {seconds:.0f} s: {len(found)} wrong\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
