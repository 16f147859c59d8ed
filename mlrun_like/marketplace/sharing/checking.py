"""The check of an item's folder before it is shared; nothing of it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like import __version__
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError, nearest
from mlrun_like.functions.kinds import check_kind
from mlrun_like.marketplace.addresses import KINDS, check_name, check_path
from mlrun_like.marketplace.item import HubItem, read_item
from mlrun_like.marketplace.sharing.code_checks import (
    check_code,
    check_example,
    check_readme,
    check_test,
)
from mlrun_like.marketplace.sharing.report import Report
from mlrun_like.marketplace.sharing.requirements import check_requirements
from mlrun_like.marketplace.versions import version_key
from mlrun_like.packaging.document import parse_text

__all__ = ["LICENSES", "item_of", "validate_item"]

LICENSES = (
    *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "EPL-2.0", "Zlib"),
    *("GPL-2.0-only", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
    *("AGPL-3.0-only", "AGPL-3.0-or-later", "Unlicense", "CC0-1.0", "BSL-1.0", "0BSD"),
)
"""Identifiers of SPDX that are known; any other is written `LicenseRef-<name>`."""

_KEYS = {
    "apiVersion": str, "name": str, "version": str, "description": str, "categories": list,
    "doc": str, "example": str, "test": str, "hidden": bool, "labels": dict, "maintainers": list,
    "mlrunVersion": str, "platformVersion": str, "minProductVersion": str, "url": str,
    "icon": str, "license": str, "marketplaceType": str, "generationDate": str, "spec": dict,
    "className": str, "defaultHandler": str, "kind": str, "test_valid": bool,
}  # fmt: skip
_SPEC_KEYS = {
    "filename": str, "handler": str, "image": str, "kind": str, "requirements": list,
    "customFields": dict, "env": list, "extra_spec": dict, "allow_empty_resources": bool,
}  # fmt: skip
_NEEDED = ("apiVersion", "name", "version", "description", "license", "marketplaceType", "spec")
_KINDS_OF_ITEMS = ("job", "serving", "generic", "monitoring_application")
_VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}([-.]?(a|b|rc|dev|post)[-.]?\d*)?\Z")
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]{1,60}\Z")
_LARGEST = 4 << 20
_METADATA = 256 << 10


def validate_item(folder: str | os.PathLike[str], *, resolve: bool = True) -> Report:
    """Everything that keeps an item from being shared.

    Args:
        folder: The item's: `item.yaml`, its code, test, example and README.
        resolve: Look whether its requirements can be installed together with this product; said in
            the notes if no package index can be reached. Packages that exist as source only may be
            built for that, which runs their own scripts.

    Raises:
        MissingFileError: if there is no such folder.
    """
    place = Path(folder).expanduser().absolute()
    if not place.is_dir():
        raise MissingFileError(
            f"there is no folder {str(folder)!r}", fix="mlrun-like hub init NAME makes one"
        )
    report = Report(place.name)
    document = _document(place, report)
    if document is None:
        return report
    _keys(document, _KEYS, "item.yaml", report)
    item = _item(document, place, report)
    if item is None:
        return report
    _metadata(document, item, report)
    _files(place, report)
    spec = document.get("spec")
    if isinstance(spec, Mapping):
        _keys(spec, _SPEC_KEYS, "item.yaml: spec", report)
        _spec(spec, item, report)
    check_code(place, item, report)
    check_readme(place, _file(document, "doc", "README.md", report), report)
    check_example(place, _file(document, "example", "example.py", report), report)
    check_test(place, _file(document, "test", f"test_{place.name}.py", report), report)
    check_requirements(spec.get("requirements") if isinstance(spec, Mapping) else None,
                       report, resolve=resolve)  # fmt: skip
    return report


def item_of(folder: str | os.PathLike[str]) -> HubItem:
    """What an item's folder says of it; see `validate_item`.

    Raises:
        SpecError: if its `item.yaml` is missing or cannot be read.
    """
    place = Path(folder).expanduser().absolute()
    report = Report(place.name)
    document = _document(place, report)
    item = _item(document, place, report) if document is not None else None
    report.check()
    assert item is not None
    return item


def _document(place: Path, report: Report) -> dict[str, Any] | None:
    path = place / "item.yaml"
    if not path.is_file():
        report.add("item.yaml", "there is none", "mlrun-like hub init NAME writes one")
        return None
    try:
        with path.open("rb") as file:
            data = file.read(_METADATA + 1)
        if len(data) > _METADATA:
            raise InvalidArgumentError(f"it has more than {_METADATA} bytes")
        return parse_text(data.decode("utf-8-sig"), str(path), "item")
    except UnicodeDecodeError:
        report.add("item.yaml", "it is not UTF-8 text")
    except OSError as exc:
        report.add("item.yaml", f"it cannot be read: {exc}")
    except MLRunLikeError as exc:
        report.add("item.yaml", exc.what)
    return None


def _item(document: Mapping[str, Any], place: Path, report: Report) -> HubItem | None:
    said = document.get("marketplaceType")
    try:
        return read_item(
            document, name=check_name(place.name), tag=str(document.get("version") or "latest"),
            object_type=said if said in KINDS else "functions",
        )  # fmt: skip
    except MLRunLikeError as exc:
        report.add("item.yaml", exc.what, exc.fix)
        return None


def _keys(
    document: Mapping[str, Any], known: Mapping[str, type], where: str, report: Report
) -> None:
    for key, value in document.items():
        if key not in known:
            report.add(where, f"{str(key)[:60]!r} is no key of it.{nearest(str(key), known)}",
                       "remove it, or put it under labels")  # fmt: skip
        elif value is not None and not isinstance(value, known[key]):
            report.add(
                f"{where}: {key}",
                f"it is a {type(value).__name__}, not a {known[key].__name__}",
                'write it in quotes: "1.0"' if known[key] is str else "",
            )


def _metadata(document: Mapping[str, Any], item: HubItem, report: Report) -> None:
    for key in _NEEDED:
        if not document.get(key):
            report.add(f"item.yaml: {key}", "it is missing", _EXAMPLES.get(key, ""))
    own = document.get("name")
    if own and own != item.name:
        report.add("item.yaml: name", f"{own!r:.60} is not the folder's name",
                   f"name: {item.name}")  # fmt: skip
    if document.get("apiVersion") not in (None, "v1"):
        report.add("item.yaml: apiVersion", "it is not v1", "apiVersion: v1")
    if item.version and not _VERSION.match(item.version):
        report.add("item.yaml: version", f"{item.version!r} is no version", 'version: "1.0.0"')
    said = document.get("marketplaceType")
    if said and said not in KINDS:
        report.add("item.yaml: marketplaceType", f"{said!r:.40} is unknown", ", ".join(KINDS))
    license_ = document.get("license")
    if isinstance(license_, str) and license_ not in LICENSES and not _REFERENCE.match(license_):
        report.add(
            "item.yaml: license",
            f"{license_[:60]!r} is no identifier of SPDX.{nearest(license_, LICENSES)}",
            "license: Apache-2.0 (or LicenseRef-<name>)",
        )
    if not item.categories:
        report.add("item.yaml: categories", "there is none", "categories: [data-preparation]")
    least = item.min_version
    if least and version_key(least)[0] != 1:
        report.add("item.yaml: minProductVersion", f"{least!r} is no version",
                   f'minProductVersion: "{__version__}"')  # fmt: skip
    elif least and version_key(least) > version_key(__version__):
        report.add("item.yaml: minProductVersion", f"{least} is newer than this, {__version__}",
                   "check it with the product that it needs")  # fmt: skip


_EXAMPLES = {
    "apiVersion": "apiVersion: v1",
    "version": 'version: "1.0.0"',
    "license": "license: Apache-2.0",
    "marketplaceType": "marketplaceType: functions (or modules, steps)",
    "description": "description: one line that says what it does",
    "spec": "spec: {filename, handler, kind, image, requirements}",
}


def _spec(spec: Mapping[str, Any], item: HubItem, report: Report) -> None:
    kind = item.kind
    if kind not in _KINDS_OF_ITEMS:
        try:
            check_kind(kind, "item.yaml")
        except MLRunLikeError as exc:
            report.add("item.yaml: spec.kind", exc.what, ", ".join(_KINDS_OF_ITEMS))
    given = spec.get("requirements")
    if isinstance(given, list) and any(not isinstance(line, str) for line in given):
        report.add("item.yaml: spec.requirements", "a line is no text", '- "pandas>=2"')


def _file(document: Mapping[str, Any], key: str, usual: str, report: Report) -> str:
    """The file that a key names; empty: it names none that could be there."""
    name = document.get(key)
    if not name:
        report.add(f"item.yaml: {key}", "it is missing", f"{key}: {usual}")
        return ""
    try:
        return check_path(name)
    except MLRunLikeError as exc:
        report.add(f"item.yaml: {key}", exc.what, f"{key}: {usual}")
        return ""


def _files(place: Path, report: Report) -> None:
    for path in sorted(place.rglob("*"))[:500]:
        name = str(path.relative_to(place))
        if path.is_symlink():
            report.add(name, "it is a link, which nobody else can follow", "copy the file")
        elif path.is_file() and path.stat().st_size > _LARGEST:
            report.add(name, f"it has more than {_LARGEST >> 20} MiB", "load it from a URL instead")
