"""Web pages of monitoring, and the plain data they are made of. They need no Grafana, no scripts.

health.py          how all endpoints are, from a few queries
endpoint.py        what is known of one endpoint: results over time, features, quality, links
incidents.py       incidents with their time lines; acknowledge and silence
work.py            pipelines, runs and serving performance
show_overview.py   the page of all endpoints
show_endpoint.py   the page of one endpoint, and its drift report
show_features.py   features: distances, histograms before and now
show_incidents.py  the page of incidents
show_work.py       the page of pipelines and serving performance
frame.py           what all pages have: links, times, errors
requests.py        requests and answers: forms, tokens, headers
app.py             the ASGI application
serve.py           the application on a socket
"""

from __future__ import annotations
