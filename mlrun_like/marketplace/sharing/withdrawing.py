"""A version is taken back: the index says why, and its files go.

Its number stays taken, so nobody gets other bytes by a name that they know.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.marketplace.addresses import KINDS, check_name, spellings
from mlrun_like.marketplace.sharing.index_file import locked, read_rows, write_rows
from mlrun_like.marketplace.sharing.publishing import catalogue_root, newest_of, point
from mlrun_like.marketplace.sharing.signing import Signer

__all__ = ["Withdrawn", "withdraw"]


@dataclass(frozen=True)
class Withdrawn:
    """What became of a version.

    Args:
        name: The item.
        version: The version.
        latest: The newest version that is left; empty: none is.
        index: The index that says so.
    """

    name: str
    version: str
    latest: str
    index: str


def withdraw(
    name: str,
    version: str,
    target: str | os.PathLike[str],
    *,
    reason: str,
    channel: str = "master",
    sign: str | os.PathLike[str] = "",
) -> Withdrawn:
    """Take a published version back.

    Who asks for it is told the reason; who asks for the newest gets the one before. Copies that
    were made of it elsewhere stay.

    Args:
        name: The item.
        version: Its version.
        target: The catalogue's root: a folder.
        reason: What readers are told.
        channel: The channel of the catalogue.
        sign: A private Ed25519 key (PEM) that signs the index.

    Raises:
        NotFoundError: if the catalogue has no such version.
        InvalidArgumentError: if the target or the key cannot be used, or there is no reason.
    """
    check_name(name)
    check_name(version, "version")
    check_name(channel, "channel")
    if not reason.strip():
        raise InvalidArgumentError("a version is not withdrawn without a reason", fix="reason=...")
    root = catalogue_root(target)
    signer = Signer(sign) if sign else None
    known: set[str] = set()
    for kind in KINDS:
        base = root / kind / channel
        if not base.is_dir():
            continue
        with locked(base / ".publish.lock"):
            index = read_rows(base / "catalog.json")
            known.update(index)
            own = next((one for one in spellings(name) if isinstance(index.get(one), dict)), "")
            if not own:
                continue
            versions: dict[str, Any] = index[own]
            if version == "latest" or not isinstance(versions.get(version), dict):
                there = ", ".join(one for one in versions if one != "latest")
                raise NotFoundError(
                    f"{own} has no version {version!r}", where=str(base), fix=f"there are: {there}"
                )
            versions[version] = {"name": own, "version": version, "withdrawn": reason.strip()}
            newest = newest_of(versions)
            versions.pop("latest", None)
            if newest:
                versions["latest"] = versions[newest]
            write_rows(base / "catalog.json", index, signer)
            point(base / own / "latest", newest)
            shutil.rmtree(base / own / version, ignore_errors=True)
            return Withdrawn(own, version, newest, str(base / "catalog.json"))
    raise NotFoundError(
        f"the catalogue has no {name!r}.{nearest(name, sorted(known))}", where=str(root)
    )
