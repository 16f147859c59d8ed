"""Who calls, and what they may do.

caller.py      who calls
roles.py       the one table: what needs which role
decide.py      may this caller do that
identify.py    from a request to its caller
control.py     what access control of one app holds: mode, caches, limits, OIDC
mode.py        whether anyone must log in; what is refused to start
origin.py      where a request comes from: proxies, Host, Origin, addresses
csrf.py        writes that a browser makes with its cookie
cache.py       callers that were checked a moment ago
limits.py      how often who may ask
accounts.py    users and service accounts, their passwords
tokens.py      tokens of the API
sessions.py    sessions of browsers and their cookie
login.py       name and password -> a session
members.py     roles in projects
projects.py    who owns a new project
oidc.py        login at an OpenID Connect provider
claims.py      what the provider says of a person -> user, roles
audit.py       who did what
"""
