"""The store behind a service: what the SDK and the commands use when `dbpath` is an address.

store.py         RemoteStore: everything that a store can do
forwarding.py    methods that are one request each
sink.py          queued writes as batches; operations.py: their form on the wire
client.py        requests, answers, versions; retrying.py: tries again until a deadline
connections.py   connections that are kept, for threads and forks; proxies.py: by whom they go;
                 paced.py: answers that drip; trust.py: whose certificates are believed
address.py       where a service is; credentials.py: tokens
answers.py       errors out of answers
codec.py         values as JSON by their types
cleaning.py      what a service removes for whom asks it
protocol.py      what can be called: who may, and whether it may be sent twice
"""
