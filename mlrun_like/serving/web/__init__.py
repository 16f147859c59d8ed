"""A graph over HTTP.

A request on its way:

run.py         uvicorn with our protocol; RunningServer
protocol.py    HTTP/1.1 of one connection; parsing.py its reading half, wire.py the bytes of
               answers, watcher.py limits in time
reply_task.py  a request that waits or streams, in a task
app.py         GraphApp, the same for any ASGI server; body.py reads bodies, watch.py ends work
answers.py     what the graph answers: both of them use it
request.py     a request as an event
access.py      tokens and CORS
answer.py      a Response as headers and bytes
stream.py      streaming answers; chunks.py where their values come from, and as what they go,
               pace.py how often they are written
eager.py       coroutines that need not wait

Around it:

serve.py       serve(), serve_forever()
workers.py     several processes; supervisor.py replaces those that die, changes.py sees new code
target.py      what can be served, and its names on the command line
sockets.py     listening
options.py     WebOptions: limits, access, pages
pages.py       health, metrics, documentation; openapi.py the document, page.html the page
accesslog.py   one line of JSON for each request
mounts.py      other ASGI applications below a path
outgoing.py    HttpClient: requests to other servers; reply.py its half of HTTP/1.1,
               blocking_io.py one request on a plain socket
in_process.py  AppClient: requests to an application in this process
incoming.py    the values of a streaming reply; raised.py the errors of a failed one
"""

from __future__ import annotations
