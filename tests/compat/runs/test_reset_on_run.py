"""reset_on_run: what a handler's module imports is read anew."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.parametrize("line", ["from {0} import second as s", "from {0}.second import answer"])
def test_imported_modules_are_read_anew(
    compat: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    package = tmp_path / f"pack_{abs(hash(line)) % 1000}"
    package.mkdir()
    call = "s.answer" if line.endswith(" s") else "answer"
    (package / "second.py").write_text("def answer():\n    return 'old'\n")
    (package / "first.py").write_text(
        f"{line.format(package.name)}\ndef handler():\n    return {call}()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    project = import_module("mlrun").new_project("reset", str(tmp_path), save=False)
    project.set_function(name="f", handler=f"{package.name}.first.handler")
    assert project.run_function("f", local=True).output("return") == "old"
    (package / "second.py").write_text("def answer():\n    return 'newer'\n")
    assert project.run_function("f", local=True).output("return") == "old"
    again = project.run_function("f", local=True, reset_on_run=True)
    assert again.output("return") == "newer"
