"""What Grafana puts in the place of its variables and macros, to ask the same queries without it.

Sources: https://grafana.com/docs/grafana/latest/dashboards/variables/ and the macros of
https://grafana.com/docs/grafana/latest/datasources/postgres/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["promql", "sql"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FILTER = re.compile(r"\$__unixEpochFilter\(([^()]+)\)")
_GROUP = re.compile(r"\$__unixEpochGroup\(([^(),]+),\s*'(\d+)([smhd])'\)")
_CHOSEN = re.compile(r"\$\{(\w+):sqlstring\}")


def promql(text: str, values: Mapping[str, str], interval: str = "1m") -> str:
    """A PromQL query as Prometheus gets it.

    Args:
        text: The panel's query.
        values: The variables, as regular expressions.
        interval: What `$__rate_interval` is.

    >>> promql('rate(x{p=~"$p"}[$__rate_interval])', {"p": ".*"})
    'rate(x{p=~".*"}[1m])'
    """
    found = text.replace("$__rate_interval", interval).replace("$__range", "1h")
    for name in sorted(values, key=len, reverse=True):
        found = found.replace(f"${{{name}}}", values[name]).replace(f"${name}", values[name])
    return found


def sql(text: str, values: Mapping[str, Sequence[str]], start: float, end: float) -> str:
    """An SQL query as PostgreSQL gets it.

    Args:
        text: The panel's query.
        values: The chosen values of each variable.
        start: Of the chosen time, in seconds since 1970.
        end: The same.

    >>> sql("a IN (${p:sqlstring}) AND $__unixEpochFilter(t)", {"p": ["x'", "y"]}, 1, 2)
    "a IN ('x''','y') AND t >= 1 AND t <= 2"
    """

    def chosen(match: re.Match[str]) -> str:
        return ",".join("'" + one.replace("'", "''") + "'" for one in values[match[1]]) or "NULL"

    def group(match: re.Match[str]) -> str:
        step = int(match[2]) * _SECONDS[match[3]]
        return f"floor(({match[1]})/{step})*{step}"

    found = _FILTER.sub(rf"\1 >= {start:.0f} AND \1 <= {end:.0f}", text)
    return _CHOSEN.sub(chosen, _GROUP.sub(group, found))
