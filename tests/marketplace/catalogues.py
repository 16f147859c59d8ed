"""Catalogues that tests make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlrun_like.marketplace.sharing.scaffold import init_item
from mlrun_like.marketplace.source import HubSource

__all__ = ["FUNCTION", "item", "mlrun_hub", "write"]

FUNCTION = "kind: job\nmetadata:\n  name: describe\nspec:\n  description: looks at data\n"


def write(root: Path, path: str, text: str) -> None:
    """A file of a catalogue."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def mlrun_hub(root: Path, **entry: Any) -> HubSource:
    """A catalogue in MLRun's layout."""
    row = {
        "name": "describe",
        "version": "1.1.0",
        "categories": ["data"],
        "description": "looks at data",
        "assets": {"source": "src/describe.py", "function": "src/function.yaml"},
        "spec": {"kind": "job", "handler": "run", "filename": "describe.py"},
        **entry,
    }
    catalogue = {"describe": {"latest": row, "1.1.0": row}}
    write(root, "functions/master/catalog.json", json.dumps(catalogue))
    for tag in ("latest", "1.1.0"):
        write(root, f"functions/master/describe/{tag}/src/function.yaml", FUNCTION)
        write(root, f"functions/master/describe/{tag}/src/describe.py", "def run():\n    pass\n")
    step = {"verify": {"latest": {"className": "Verify", "spec": {"filename": "verify.py"}}}}
    write(root, "steps/master/catalog.json", json.dumps(step))
    write(root, "steps/master/verify/latest/src/verify.py", "class Verify:\n    pass\n")
    return HubSource("ours", str(root))


def item(root: Path, name: str = "clean_text", version: str = "1.0.0", kind: str = "functions",
         code: str = "") -> Path:  # fmt: skip
    """The folder of an item that can be published."""
    folder = init_item(name, root, kind=kind)
    said = folder / "item.yaml"
    said.write_text(said.read_text().replace("version: 1.0.0", f"version: {version}"))
    if code:
        with (folder / f"{name}.py").open("a") as file:
            file.write(code)
    return folder
