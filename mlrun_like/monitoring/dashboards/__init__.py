"""Monitoring for Prometheus and Grafana; all files below `deploy` are made here.

metrics.py     the store's numbers as Prometheus metrics
board.py       dashboards as data, and as Grafana's JSON
boards.py      the five dashboards over Prometheus
sql_boards.py  the same five over the store in PostgreSQL
rules.py       Prometheus' recording and alerting rules
files.py       all files below `deploy`
macros.py      Grafana's variables and macros, for asking its queries without it
checking.py    ask every query of a Prometheus or PostgreSQL
pushing.py     dashboards into a running Grafana
proxy.py       MLRun's Grafana proxy as plain functions
"""

from __future__ import annotations
