"""Online: the newest values of each entity in a key-value store, and vectors of them.

store.py        OnlineStore, what a store can do; open_online(url)
sqlite.py       in a file (sqlite_texts.py: its statements); memory.py in this process;
                redis.py in a server, redis_link.py and redis_scripts.py below
keys.py         keys of rows, one form for each value
codec.py        blobs of rows, versioned; columns.py: of many rows at once
writing.py      OnlineWriter: what targets write with
places.py       where the rows of a feature set are

plan.py         what one vector needs, worked out before the first request
parts.py        what it takes from one set
reading.py      from entities to vectors: one round trip for all sets; quick.py: the usual case
entity_rows.py  what callers ask for
imputing.py     values in place of missing ones
on_demand.py    features that are computed at the request
service.py      OnlineVectorService; api.py: get_online_feature_service
request_log.py  the vectors that were served, for comparing with the offline join

table.py        a feature set as a table of `QueryByKey` and `JoinWithTable`
http.py         vectors over HTTP: a step of serving graphs
"""

from __future__ import annotations

from mlrun_like.feature_store.online.store import OnlineStore, open_online

__all__ = ["OnlineStore", "open_online"]
