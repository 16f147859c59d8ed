"""The server's side of the store's protocol (`tracking/remote`).

calls.py       the routes: a method of the store, a batch of queued operations
spec.py        what clients must know before they call
reading.py     bodies: packed, hostile, or too large
rights.py      which projects a call is about, and what of the results the caller may see
operations.py  queued operations, checked and made anew
delivering.py  batches of many clients in one commit
"""
