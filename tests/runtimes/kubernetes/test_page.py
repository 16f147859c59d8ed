"""The page about Kubernetes is true: its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

from mlrun_like.specs.durations import STATE_THRESHOLDS

PAGE = Path(__file__).parents[3] / "docs" / "runtimes-kubernetes.md"


def test_its_python_runs(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    file = tmp_path / "page.py"
    file.write_text(code, encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "page", "__file__": str(file)}
    exec(compile(code, str(file), "exec"), namespace)
    assert "kind: Job" in str(namespace["text"])


def test_it_names_the_defaults() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for state, time in STATE_THRESHOLDS.items():
        assert re.search(rf"`{state}`\s+\((?:default )?`{time}`", text), state
