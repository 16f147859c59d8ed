"""500 simultaneous requests to a function that sleeps.

All connections are open before; then one request goes out on each, in one loop of one process. None
may be refused. Expected before measuring: the first replica is there after 15 ms; what waits is
told to the autoscaler at once. At 100 us a request through the gateway and one of client, the
whole is 100 ms and a cold start.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from rig import ECHO, Rig, arguments, gateway, head, median, report


async def burst(rig: Rig, count: int) -> tuple[float, Counter[int], list[float]]:
    """Seconds until all are answered, how, and when each was."""
    request = head("/default/burst/", json.dumps({"values": [1, 2]}).encode())
    pairs = []
    for _ in range(count):
        pairs.append(await asyncio.open_connection(*rig.address))
    begin = time.perf_counter()
    for _, writer in pairs:
        writer.write(request)
    times: list[float] = []

    async def answer(reader: asyncio.StreamReader) -> int:
        start = await reader.readuntil(b"\r\n\r\n")
        length = int(start.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - begin)
        return int(start[9:12])

    tasks = [answer(reader) for reader, _ in pairs]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    took = time.perf_counter() - begin
    for _, writer in pairs:
        writer.close()
    codes = Counter(row if isinstance(row, int) else 0 for row in found)
    return took, codes, sorted(times)


def main() -> int:
    """Measure and compare."""
    args = arguments(__doc__ or "", requests={"type": int, "default": 500})
    rounds = []
    with gateway() as rig:
        rig.deploy("burst", ECHO, {"idle_timeout": 0.2, "scale_down_delay": 0.2})
        for _ in range(args.reps):
            rig.until_asleep("burst")
            time.sleep(0.2)
            rounds.append(asyncio.run(burst(rig, args.requests)))
    seconds = [took for took, _, _ in rounds]
    codes = sum((row[1] for row in rounds), Counter[int]())
    figures = {
        f"until all {args.requests} are answered, median of {args.reps}, s": median(seconds),
        "slowest, s": max(seconds),
        "first answer, ms": median([row[2][0] for row in rounds]) * 1e3,
        "answers by status": dict(codes),
    }
    answered = set(codes) == {200}
    bars = {"all answered with 200": answered, "all within 2 s": max(seconds) <= 2}
    return report("gateway: burst", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
