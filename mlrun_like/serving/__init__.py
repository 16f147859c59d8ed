"""Real-time graphs: define, check, compile, answer events in this process or over HTTP.

event.py          Event and Response, what steps see and give
protocol.py       Step, the base of steps that drop, choose, multiply or hold events
definition/       graphs and steps as they are declared, written and read
engine/           from a definition to callables
context.py        what a step may ask of its server
server.py         GraphServer: a plan that answers events; answering.py one, streaming.py many
error_stream.py   where failing events are reported
function.py       functions of kind serving; mocking.py calls them as if deployed
paths.py          dotted paths into a body
rounds.py         how often an event may come to a step again
codec.py          JSON to and from bytes; forms.py reads HTML forms
observer.py       what watches a graph
plot.py           pictures; drawing/ lays them out
client.py         Client: the same calls to a graph in this process or over HTTP

steps/            ready-made steps: maps, windows, tables, targets
stream_flow/      flows as storey writes them: build_flow, sources, controllers
models/           model servers and routers
batching/         micro-batching
remote/           steps that other servers do
web/              the ASGI application, processes, the HTTP protocol
queues/           graphs split over streams into several processes
observe/          metrics, traces, recording and replay
batch/            a graph over a table
"""

from __future__ import annotations

from mlrun_like.serving.client import AsyncClient, Client
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.web.serve import serve, serve_forever

__all__ = [
    "DROP",
    "AsyncClient",
    "Client",
    "Event",
    "Graph",
    "Response",
    "Step",
    "V2ModelServer",
    "flow",
    "serve",
    "serve_forever",
]
