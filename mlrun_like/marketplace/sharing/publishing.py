"""A version of an item in a catalogue that is a folder, and the index that names it.

The order of writing makes it whole or not there: the version's folder is made beside its place and
renamed, then the index is replaced. Who is killed between the two leaves a folder that no index
names, and the next publisher replaces it. A version that is named never changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    SpecError,
)
from mlrun_like.marketplace.addresses import check_name
from mlrun_like.marketplace.item import HubItem, seal_of
from mlrun_like.marketplace.looking import digest_of
from mlrun_like.marketplace.making import code_file, document_of
from mlrun_like.marketplace.sharing.checking import item_of, validate_item
from mlrun_like.marketplace.sharing.index_file import locked, read_rows, write_rows
from mlrun_like.marketplace.sharing.signing import Signer
from mlrun_like.marketplace.sharing.testing import TestResult, test_item
from mlrun_like.marketplace.versions import version_key
from mlrun_like.packaging.document import parse_text
from mlrun_like.types import Document

__all__ = ["TESTS", "Published", "catalogue_root", "newest_of", "point", "publish"]

TESTS = ("clean", "here", "none")
"""Where an item is tested before it is published."""


@dataclass(frozen=True)
class Published:
    """What became of an item.

    Args:
        name: The item.
        version: Its version.
        digest: `sha256:...` of all that the index says of it, and so of all its files.
        folder: Where its files are.
        index: The index that names it.
        new: False: the same bytes had been published before.
        tested: The state of its test: `passed` or `skipped`, and where; `not tested`.
        key: The public key whose owner signed the index; empty: nobody did.
    """

    name: str
    version: str
    digest: str
    folder: str
    index: str
    new: bool
    tested: str
    key: str = ""

    def to_dict(self) -> Document:
        """As plain data."""
        return dict(vars(self))


def publish(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    channel: str = "master",
    test: str = "clean",
    resolve: bool = True,
    sign: str | os.PathLike[str] = "",
    tell: Callable[[str], None] | None = None,
) -> Published:
    """Check an item, test it, and write it into a catalogue with its index.

    Args:
        folder: The item's.
        target: The catalogue's root: a folder, such as a clone of its repository.
        channel: The channel of the catalogue.
        test: `clean`: in an environment made for it; `here`: in this one; `none`: not at all.
        resolve: Look whether its requirements can be installed.
        sign: A private Ed25519 key (PEM) that signs the index.
        tell: Gets pieces of text as they come; see `test_item`.

    Raises:
        SpecError: if the item has mistakes (all are named), or its test fails.
        ConflictError: if this version was published with other bytes.
        InvalidArgumentError: if the target or the key cannot be used.
    """
    check_name(channel, "channel")
    if test not in TESTS:
        raise InvalidArgumentError(f"test={test!r:.40} is unknown", fix=" | ".join(TESTS))
    root = catalogue_root(target)
    signer = Signer(sign) if sign else None
    if tell:
        tell("checking its files" + (" and its requirements\n" if resolve else "\n"))
    validate_item(folder, resolve=resolve).check()
    tested = "not tested"
    if test != "none":
        result = test_item(folder, here=test == "here", tell=tell)
        tested = f"{_tested(result, '' if tell else result.output)} ({test})"
    item = item_of(folder)
    files = _files(Path(folder).expanduser().absolute(), item)
    row = _row(files, tested)
    base = root / item.object_type / channel
    with locked(base / ".publish.lock"):
        return _write(base, item, files, row, signer)


def catalogue_root(target: str | os.PathLike[str]) -> Path:
    """The folder of a catalogue that is written to.

    Raises:
        InvalidArgumentError: if it is no folder.
    """
    text = os.fspath(target).removeprefix("file://")
    if "://" in text or not text:
        raise InvalidArgumentError(
            f"nothing can be published to {text!r:.80}",
            where="target",
            fix="give a folder: that of the web server, or a clone of the repository, then push",
        )
    root = Path(text).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise InvalidArgumentError(f"{text!r:.80} is no folder", where="target")
    return root


def _tested(result: TestResult, output: str) -> str:
    if not result.passed:
        raise SpecError(
            f"the test of {result.name} does not pass: {result.summary}\n{output[-3000:]}".rstrip(),
            fix=f"mlrun-like hub test {result.name} shows it",
        )
    return f"{'skipped' if result.skipped else 'passed'}: {result.summary}"


def _files(place: Path, item: HubItem) -> dict[str, bytes]:
    """What is published, by the path below `src`; function.yaml holds the code and its metadata."""
    code = code_file(item)
    found = {"item.yaml": (place / "item.yaml").read_bytes(), code: (place / code).read_bytes()}
    for key, usual in (("doc", "README.md"), ("example", "example.py"), ("test", "")):
        name = str(item.foreign.get(key) or usual)
        if name and (place / name).is_file():
            found[name] = (place / name).read_bytes()
    document = document_of(item, found[code]).to_dict()
    plain = json.loads(json.dumps(document, default=str))
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return {**found, "function.yaml": text.encode()}


def _row(files: Mapping[str, bytes], tested: str) -> Document:
    """What the index says of a version: its `item.yaml`, where its files are, and their digests."""
    document = parse_text(files["item.yaml"].decode("utf-8-sig"), "item.yaml", "item")
    assets = {"function": "src/function.yaml", "source": "", "docs": document.get("doc") or ""}
    spec = document.get("spec") or {}
    assets["source"] = str(spec.get("filename") or f"{document['name']}.py")
    assets["example"] = str(document.get("example") or "")
    given = {k: v if v.startswith("src/") else f"src/{v}" for k, v in assets.items() if v}
    row = {
        **document,
        "assets": given,
        "digest": digest_of(files["function.yaml"]),
        "files": {f"src/{name}": digest_of(data) for name, data in sorted(files.items())},
        "tested": tested,
    }
    try:
        # what is no JSON, such as NaN, would make the index of all items unreadable
        plain: Document = orjson.loads(
            orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)
        )
    except (TypeError, ValueError) as exc:
        raise SpecError(f"it has no place in an index: {exc}", where="item.yaml") from exc
    return plain


def _write(
    base: Path, item: HubItem, files: Mapping[str, bytes], row: Document, signer: Signer | None
) -> Published:
    path = base / "catalog.json"
    index = read_rows(path)
    name, version = item.name, item.version
    versions = index.setdefault(name, {})
    if not isinstance(versions, dict):
        raise SpecError(f"the versions of {name!r} are no mapping", where=str(path))
    place = base / name / version
    known = versions.get(version)
    if isinstance(known, dict) and known.get("withdrawn"):
        raise ConflictError(
            f"{name} {version} was withdrawn: {known['withdrawn']}",
            where=str(path),
            fix="raise the version in item.yaml; a withdrawn one does not come back",
        )
    if isinstance(known, dict):
        changed = _changed(known, row)
        if changed:
            raise ConflictError(
                f"{name} {version} is published with other bytes: {', '.join(changed)}",
                where=str(place),
                fix="raise the version in item.yaml; what is published never changes",
            )
        row = known
    else:
        _write_version(place, files)
        versions[version] = row
    newest = newest_of(versions)
    versions["latest"] = versions[newest]
    write_rows(path, index, signer)
    point(base / name / "latest", newest)
    return Published(
        name, version, seal_of(row), str(place), str(path), row is not known,
        str(row.get("tested") or ""), signer.public if signer else "",
    )  # fmt: skip


def _changed(known: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Files whose bytes are not those that were published.

    Its function.yaml is made of the others, by another version of this product in another way.
    """
    made = "src/function.yaml"
    old, new = known.get("files"), row["files"]
    if not isinstance(old, dict):
        return [] if known.get("digest") == row["digest"] else [made]
    return sorted(n for n in {*old, *new} if n != made and old.get(n) != new.get(n))


def _write_version(place: Path, files: Mapping[str, bytes]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        for name, data in files.items():
            path = made / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        made.chmod(0o755)  # mkdtemp makes private folders
        if place.exists():  # no index names it: its publisher was killed
            shutil.rmtree(place)
        os.rename(made, place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def newest_of(versions: Mapping[str, Any]) -> str:
    """The newest version that was not withdrawn; empty: there is none."""
    there = [
        key
        for key, row in versions.items()
        if key != "latest" and not (isinstance(row, dict) and row.get("withdrawn"))
    ]
    return max(there, key=version_key, default="")


def point(link: Path, version: str) -> None:
    """Let `latest` lead readers that know no digests to the newest version; empty: nowhere."""
    temporary = link.with_name(f".latest.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    if not version:
        return link.unlink(missing_ok=True)
    os.symlink(version, temporary)
    return os.replace(temporary, link)
