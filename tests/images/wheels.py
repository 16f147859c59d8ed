"""Small wheels, an index that is a folder, and base images with nothing but names."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer

__all__ = ["DEBIAN", "OFFICIAL", "base_with", "index_lines", "make_wheel"]

DEBIAN = {
    "/usr/bin/python3": "-> python3.11",
    "/usr/bin/python3.11": "ELF",
    "/usr/lib/python3/dist-packages/pip-23.0.1.dist-info/METADATA": "",
    "/usr/local/lib/python3.11/dist-packages/": "",
    "/bin": "-> usr/bin",
    "/lib/x86_64-linux-gnu/libc.so.6": "ELF",
}
"""The names that tell a Debian's Python; a value is content, or `-> target` of a link."""

OFFICIAL = {
    "/usr/bin/python3": "-> python3.9",
    "/usr/bin/python3.9": "ELF",
    "/usr/local/bin/python3": "-> python3.12",
    "/usr/local/bin/python3.12": "ELF",
    "/usr/local/lib/python3.12/site-packages/": "",
}
"""An image whose own Python lies before the system's."""


def base_with(*layers: Mapping[str, str], env: Mapping[str, str] | None = None) -> Image:
    """An image with these files, layer by layer; `path: "gone"` in a whiteout's name removes."""
    image = Image.scratch("linux/amd64")
    for files in layers:
        entries = []
        for path, content in files.items():
            if content == "(removed)":
                entries.append(Entry.whiteout(path))
            elif path.endswith("/"):
                entries.append(Entry.directory(path))
            elif content.startswith("-> "):
                entries.append(Entry.symlink(path, content[3:]))
            else:
                entries.append(Entry.data(path, content.encode()))
        image = image.with_layers(build_layer(entries))
    return image.with_config(env=env) if env else image


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel (packaging.python.org, "Binary distribution format")."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    content = dict(files if files is not None else {f"{module}.py": f"VERSION = {version!r}\n"})
    rows = "".join(f"Requires-Dist: {line}\n" for line in requires)
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{rows}"
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        lines = "".join(f"{key} = {value}\n" for key, value in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = "".join(f"{path},,\n" for path in content) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(member, text)
    return path


def index_lines(folder: Path) -> list[str]:
    """Requirement options: only this folder's wheels."""
    return ["--no-index", f"--find-links {folder}"]
