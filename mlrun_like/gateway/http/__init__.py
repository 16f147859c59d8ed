"""The gateway's front: HTTP/1.1 from clients to functions (RFC 9110, RFC 9112).

listen.py     sockets -> connections: `Listener`, `serve`
front.py      what all connections share: clock, limits, control API, draining
protocol.py   one connection: when requests are read, answered, timed out
parsing.py    requests from bytes, limited before they cost memory; checks.py: heads that are wrong
repeats.py    requests whose head is that of the one before: not read again
counted.py    bodies of requests that ask for another protocol
patience.py   clients that take too long
admission.py  one request's head: route, auth, rate, CORS; headers that are true
exchange.py   one request and its answer: whole, or as a stream with backpressure
tunnel.py     websockets and other upgrades, for services that proxy
routes.py     which function answers: `/<project>/<name>`, hosts, paths, ports
gate.py       what stands before one function; what a service must have
auth.py       callers and their scopes; hashes.py: how their secrets are kept
limits.py     requests per second of a caller
cors.py       web pages of other origins
headers.py    what clients may not say; transaction ids
answers.py    bytes of answers; what workers may not say
pages.py      /-/health, /-/ready, /-/metrics
numbers.py    counters of a function; metrics.py: as Prometheus text
accesslog.py  a line for each request; audit.py: records of invocations
lines.py      whole lines into files, by a thread
tls.py        certificates that may be renewed
"""
