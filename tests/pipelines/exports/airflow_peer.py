"""A real Airflow in an environment of its own, made once and kept in the cache of the tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.pipelines.exports.environments import python_with

__all__ = ["in_airflow"]

_PACKAGE = "apache-airflow==3.3.2"


def in_airflow(script: str, home: Path, *arguments: str) -> Any:
    """What a script prints last, as JSON; it runs in Airflow with a database of its own."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "MLRUN_LIKE_HOME": str(home / "mlrun-like"),
    }
    file = home / "script.py"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [str(python_with("airflow", _PACKAGE)), str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env=environment,
        cwd=home,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
