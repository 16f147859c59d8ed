"""Packs a folder, unpacks it again, and meets a hostile archive: `python example.py`."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import mlrun_like as ml
from mlrun_like.errors import RunError

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    (folder / "photos").mkdir()
    for number in range(3):
        (folder / "photos" / f"cat{number}.txt").write_text("miaow " * number)
    archives = ml.import_function("hub://open_archive")
    packed = archives.run(
        handler="make_archive",
        inputs={"folder": str(folder / "photos")},
        params={"archive_format": "tar.gz"},
        local=True,
    )
    run = archives.run(inputs={"archive_url": packed.outputs["archive"]}, local=True)
    print(run.outputs["files"], "files in", run.artifact("content").url)
    print(run.artifact("content").listdir())

    with zipfile.ZipFile(folder / "hostile.zip", "w") as file:
        file.writestr("../../.bashrc", "echo gotcha")
    try:
        archives.run(inputs={"archive_url": str(folder / "hostile.zip")}, local=True)
    except RunError as error:
        print(str(error).splitlines()[0])
