"""The service of a team: HTTP API, access control and web pages over one store.

app.py       all parts put together: `create_app(options)`
options.py   what the service is started with
routing.py   the one way to declare a route, with what a caller needs for it
state.py     what handlers share: the store, the options

http/        what all answers have in common: errors, lists, ETags, streams, limits, logs, metrics
access/      who calls, and what they may do
routes/      the JSON API, a module per noun
documented/  what `openapi.json` says besides what handlers' signatures tell
rpc/         the store's own protocol, for remote stores
process/     the processes: sockets, workers, the leader, start and stop
tasks/       work that takes longer than a request
backup/      copies of the whole store, and the way back
"""
