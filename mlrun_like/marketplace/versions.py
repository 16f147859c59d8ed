"""Versions: which is the newest, and whether an item needs a newer product than this one."""

from __future__ import annotations

import re

from mlrun_like import __version__
from mlrun_like.errors import IncompatibleVersionError

__all__ = ["check_product", "version_key"]

_NUMBER = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,5})(.*)", re.DOTALL)


def version_key(text: str) -> tuple[int, tuple[int, ...], int, str]:
    """What versions sort by: numbers as numbers, a release after its candidates, `latest` last.

    >>> sorted(["1.10.0", "latest", "1.9.0", "1.10.0-rc1", "odd"], key=version_key)
    ['odd', '1.9.0', '1.10.0-rc1', '1.10.0', 'latest']
    """
    if text in ("", "latest"):
        return 2, (), 0, ""
    found = _NUMBER.match(text)
    if found is None:
        return 0, (), 0, text
    numbers = tuple(int(part) for part in found[1].split("."))
    while numbers and numbers[-1] == 0:  # 1.0 is 1.0.0
        numbers = numbers[:-1]
    return 1, numbers, 0 if found[2] else 1, found[2]


def check_product(wanted: str, item: str) -> None:
    """Refuse an item that says it needs a newer product.

    Args:
        wanted: Its `minProductVersion`; empty or no version: any will do.
        item: Its address, for the message.

    Raises:
        IncompatibleVersionError: if this product is older.
    """
    if wanted and version_key(wanted)[0] == 1 and version_key(wanted) > version_key(__version__):
        raise IncompatibleVersionError(
            f"{item} needs version {wanted} of this product, and this is {__version__}",
            where="minProductVersion in its item.yaml",
            fix="pip install --upgrade mlrun-like, or name an older version: hub://<name>:<version>",
        )
