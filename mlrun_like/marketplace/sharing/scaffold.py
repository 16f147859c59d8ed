"""A new item: files that pass the check and whose test passes, to be filled."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mlrun_like import __version__
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.marketplace.addresses import KINDS

__all__ = ["init_item"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def init_item(
    name: str, folder: str | os.PathLike[str] = ".", *, kind: str = "functions", author: str = ""
) -> Path:
    """Write a new item that passes `validate_item`.

    Args:
        name: Its name: small letters, digits and underscores.
        folder: Where its folder is made.
        kind: `functions`, `modules` or `steps`.
        author: Who made it.

    Returns:
        Its folder.

    Raises:
        InvalidArgumentError: if the name or kind cannot be used.
        ConflictError: if the folder is there and not empty.
    """
    name = name.replace("-", "_") if isinstance(name, str) else name
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidArgumentError(
            f"{name!r:.80} is no name of an item",
            fix="small letters, digits and '_'; a letter first: clean_text",
        )
    if kind not in KINDS:
        raise InvalidArgumentError(f"kind {kind!r:.40} is unknown", fix=" | ".join(KINDS))
    place = Path(folder).expanduser() / name
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ConflictError(f"{str(place)!r} is there and not empty", fix="choose another name")
    place.mkdir(parents=True, exist_ok=True)
    camel = "".join(part.capitalize() for part in name.split("_")) or name
    texts = {
        "item.yaml": _ITEM + (_STEP if kind == "steps" else "") + _SPEC,
        f"{name}.py": _CODE[kind],
        f"test_{name}.py": _TEST[kind],
        "example.py": _EXAMPLE[kind],
        "README.md": _README,
    }
    use = _USE[kind]
    for file, text in texts.items():
        filled = (
            text.replace("@USE@", use)
            .replace("@NAME@", name)
            .replace("@CLASS@", camel)
            .replace("@KIND@", kind)
            .replace("@AUTHOR@", re.sub(r"[^\w .@-]", "", author)[:60] or "me")
            .replace("@VERSION@", __version__)
            .replace("@RUNS@", "job" if kind == "functions" else "generic")
            .replace("@HANDLER@", name if kind == "functions" else "''")
        )
        (place / file).write_text(filled, encoding="utf-8")
    return place


_ITEM = """\
apiVersion: v1
name: @NAME@
version: 1.0.0
marketplaceType: @KIND@
description: Says in one line what it does
categories:
- data-preparation
doc: README.md
example: example.py
test: test_@NAME@.py
hidden: false
labels:
  author: @AUTHOR@
maintainers: []
minProductVersion: @VERSION@
license: Apache-2.0
"""
_STEP = """\
className: @CLASS@
defaultHandler: ''
"""
_SPEC = """\
spec:
  filename: @NAME@.py
  handler: @HANDLER@
  image: mlrun/mlrun
  kind: @RUNS@
  requirements: []
"""
_CODE = {
    "functions": '''\
"""Say in this line what it does."""

from __future__ import annotations

from typing import Any


def @NAME@(context: Any, rows: int = 10) -> None:
    """Say what it does.

    Args:
        context: The run.
        rows: What it is.
    """
    if rows < 0:
        raise ValueError(f"rows is {rows}, and must not be negative")
    context.log_result("rows", rows)
''',
    "modules": '''\
"""Say in this line what it is for."""

from __future__ import annotations


def total(values: list[float]) -> float:
    """The sum of values.

    Args:
        values: Numbers.
    """
    return sum(values)
''',
    "steps": '''\
"""Say in this line what it does with events."""

from __future__ import annotations

from typing import Any


class @CLASS@:
    """Say what it does.

    Args:
        field: The field that it counts the letters of.
    """

    def __init__(self, field: str = "text") -> None:
        self.field = field

    def do(self, event: dict[str, Any]) -> dict[str, Any]:
        """One event."""
        return {**event, "letters": len(event[self.field])}
''',
}
_TEST = {
    "functions": '''\
"""The function, as others will use it."""

from __future__ import annotations

import pytest

import mlrun_like as ml


def test_it_logs_its_rows() -> None:
    run = ml.import_function("hub://@NAME@").run(params={"rows": 3}, local=True)
    assert run.outputs["rows"] == 3


def test_bad_values_are_refused() -> None:
    with pytest.raises(ml.errors.RunError, match="must not be negative"):
        ml.import_function("hub://@NAME@").run(params={"rows": -1}, local=True)
''',
    "modules": '''\
"""The module, as others will use it."""

from __future__ import annotations

from mlrun_like.marketplace.importing import import_module


def test_it_adds_up() -> None:
    assert import_module("hub://@NAME@").total([1.0, 2.0]) == 3.0
''',
    "steps": '''\
"""The step in a graph, as others will use it."""

from __future__ import annotations

import mlrun_like as ml


def test_it_counts_letters() -> None:
    fn = ml.new_function("counts", kind="serving")
    fn.set_topology("flow", engine="async").to("hub://@NAME@", field="name").respond()
    assert fn.to_mock_server().test("/", body={"name": "ann"})["letters"] == 3
''',
}
_USE = {
    "functions": """\
import mlrun_like as ml

run = ml.import_function("hub://@NAME@").run(params={"rows": 3}, local=True)
print(run.outputs)""",
    "modules": """\
from mlrun_like.marketplace.importing import import_module

print(import_module("hub://@NAME@").total([1, 2, 3]))""",
    "steps": """\
import mlrun_like as ml

fn = ml.new_function("counts", kind="serving")
fn.set_topology("flow", engine="async").to("hub://@NAME@", field="name").respond()
print(fn.to_mock_server().test("/", body={"name": "ann"}))""",
}
_EXAMPLE = {kind: f'"""How it is used."""\n\n{use}\n' for kind, use in _USE.items()}
_README = """\
# @NAME@

Say what it does, and for whom.

```python
@USE@
```

| parameter | default | what |
|---|---|---|
| ... | ... | ... |
"""
