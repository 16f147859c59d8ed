"""Real-time graphs: define, check, compile, answer events in this process or over HTTP.

event.py          Event and Response, what steps see and give
protocol.py       Step, what a step may be beyond a function of a body
graph.py          the definition: flow(), Graph (building.py adds steps, step.py is one of them)
document.py       the form of a graph as plain data
function.py       functions of kind `serving`
lookup.py         what a class or function name in a definition means
check.py          every mistake of a graph at once, before anything is created
binding.py        a step definition as one callable; guards.py its options
compile.py        a checked graph as generated code: plan.py, codegen.py, block.py
context.py        what a step may ask of its server
server.py         GraphServer: a plan that answers events; `test()` is the in-process client
paths.py          dotted paths into a body
codec.py          JSON to and from bytes, the only module that knows the JSON library
forms.py          what HTML forms send
client.py         Client: the same calls to a graph in this process or over HTTP
web               the ASGI application, the HTTP protocol, processes
models            V2ModelServer, ready model servers, routers, ensembles
batching          calls of several callers as one call
steps             storey's steps: batches, joins, windows, targets
stream_flow       storey's flows: sources, controllers, results
queues            graphs over several functions with streams between them
remote            steps that ask other servers
batch             a graph over a file of rows
observe           metrics, traces, journal, replay
drawing           pictures of graphs
"""

from __future__ import annotations

from mlrun_like.serving.client import AsyncClient, Client
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.graph import Graph, flow
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
