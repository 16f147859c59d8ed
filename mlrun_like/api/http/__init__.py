"""What all answers of the service have in common.

front.py      around everything: ids, headers, sizes, log, numbers
answers.py    JSON out of plain values
errors.py     every error as the same body
paging.py     lists by pages: cursors, sorting, filters of query parameters
limits.py     how much and how long a request may be
finishing.py  ETags, `If-None-Match`, compression
matching.py   `If-Match`: change only what has not changed since
methods.py    which methods an address knows: `OPTIONS`, `Allow`
repeats.py    `Idempotency-Key`: sent twice, done once
streams.py    live events (SSE)
numbers.py    what is counted; metrics.py: as Prometheus text
"""
