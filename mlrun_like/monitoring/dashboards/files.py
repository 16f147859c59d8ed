"""All files for Grafana and Prometheus, made by the program."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from mlrun_like.monitoring.dashboards.board import POSTGRES, PROMETHEUS, board_json
from mlrun_like.monitoring.dashboards.boards import boards
from mlrun_like.monitoring.dashboards.rules import rules
from mlrun_like.monitoring.dashboards.sql_boards import sql_boards
from mlrun_like.types import Document

__all__ = ["files", "write_files"]

_PROMETHEUS: Document = {
    "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
    "rule_files": ["rules/*.yml"],
    "scrape_configs": [
        {"job_name": "monitoring", "static_configs": [{"targets": ["localhost:8090"]}]},
        {"job_name": "serving", "static_configs": [{"targets": ["localhost:8080"]}]},
    ],
}
_SOURCES: Document = {
    "apiVersion": 1,
    "datasources": [
        {
            "name": "Prometheus",
            "type": PROMETHEUS,
            "uid": "mlrun-like-prometheus",
            "access": "proxy",
            "url": "${PROMETHEUS_URL}",
            "isDefault": True,
        },
        {
            "name": "Store",
            "type": POSTGRES,
            "uid": "mlrun-like-store",
            "access": "proxy",
            "url": "${STORE_HOST}",
            "user": "${STORE_USER}",
            "secureJsonData": {"password": "${STORE_PASSWORD}"},
            "jsonData": {"database": "${STORE_DATABASE}", "sslmode": "${STORE_SSLMODE}"},
        },
    ],
}
_PROVIDER: Document = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "mlrun-like",
            "folder": "Models",
            "type": "file",
            "allowUiUpdates": True,
            "options": {"path": "/var/lib/grafana/dashboards/mlrun-like"},
        }
    ],
}


def files() -> dict[str, str]:
    """The text of each file by its path below `deploy`.

    >>> sorted(files())[0]
    'grafana/dashboards/mlrun-like-drift.json'
    """
    found = {
        f"grafana/dashboards/{board.uid}.json": json.dumps(board_json(board), indent=2) + "\n"
        for board in (*boards(), *sql_boards())
    }
    documents = {
        "grafana/provisioning/dashboards/mlrun-like.yml": _PROVIDER,
        "grafana/provisioning/datasources/mlrun-like.yml": _SOURCES,
        "prometheus/prometheus.yml": _PROMETHEUS,
        "prometheus/rules/mlrun-like.yml": rules(),
    }
    found |= {
        path: yaml.safe_dump(body, sort_keys=False, width=10_000, allow_unicode=True)
        for path, body in documents.items()
    }
    return found


def write_files(folder: str | Path) -> list[Path]:
    """Write all files below a folder; those that are the same stay untouched.

    Args:
        folder: Such as `deploy`; made if it is missing.

    Returns:
        The files that have changed.
    """
    changed = []
    for name, text in files().items():
        path = Path(folder, name)
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        # another process that reads it sees the old file or the new one
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(text.encode())
        temporary.replace(path)
        changed.append(path)
    return changed
