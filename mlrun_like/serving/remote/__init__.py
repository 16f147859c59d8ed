"""Steps that other servers do, over HTTP.

| module | what it holds |
|---|---|
| `step` | `RemoteStep` (`$remote`): one request for each event |
| `batch` | `BatchHttpRequests`: one request for each item of a list |
| `send` | `SendToHttp` with `HttpRequest` and `HttpResponse`: storey's form |
| `asking` | the request for an event, and what is made of the answer |
| `client` | `HttpClient`: for threads and event loops, with kept connections |
| `trying` | retries, time limits and redirects |
| `sockets`, `connections` | connections of threads and of event loops |
| `wire`, `address` | the protocol (by h11) and URLs |
"""

from __future__ import annotations

from mlrun_like.serving.remote.batch import BatchHttpRequests
from mlrun_like.serving.remote.client import HttpClient
from mlrun_like.serving.remote.send import HttpRequest, HttpResponse, SendToHttp
from mlrun_like.serving.remote.step import RemoteStep

__all__ = [
    "BatchHttpRequests",
    "HttpClient",
    "HttpRequest",
    "HttpResponse",
    "RemoteStep",
    "SendToHttp",
]
