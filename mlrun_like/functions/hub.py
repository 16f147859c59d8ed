"""Functions from catalogues: `hub://[<hub>/]<name>[:<tag>]`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlrun_like.artifacts.stores import join_url
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.packaging.document import read_document
from mlrun_like.registry import load

__all__ = ["find_in_folder", "hub_address"]

_FORM = re.compile(
    r"hub://(?:(?P<hub>[\w.-]+)/)?(?P<name>[A-Za-z0-9][\w.-]*)(?::(?P<tag>[\w.-]+))?\Z"
)


def hub_address(url: str) -> str:
    """The path or URL of the `function.yaml` that a `hub://` address stands for.

    A hub is a callable `(name, tag) -> address` in the registry's group `hubs`.

    Raises:
        InvalidArgumentError: if the address is malformed.
        UnknownNameError: if there is no such hub.
        NotFoundError: if the hub has no such function.
    """
    found = _FORM.match(url)
    if found is None:
        raise InvalidArgumentError(
            f"{url!r} is not an address in a catalogue", fix="write hub://[<hub>/]<name>[:<tag>]"
        )
    return str(load("hubs", found["hub"] or "default")(found["name"], found["tag"] or ""))


def find_in_folder(name: str, tag: str = "") -> str:
    """The function's document below the setting `hub_url`, in this layout or MLRun's hub's.

    Raises:
        NotFoundError: if no catalogue is configured, or it has no such function.
    """
    base = config.hub_url
    if not base:
        raise NotFoundError(
            f"no function catalogue is configured, so 'hub://{name}' cannot be found",
            where="setting hub_url",
            fix="set it to a folder or URL with <name>/function.yaml, or import the function.yaml "
            "by its path or URL",
        )
    for address in _places(base, name, tag):
        try:
            read_document(address)
        except NotFoundError:
            continue
        return address
    raise NotFoundError(
        f"the catalogue has no function {name + (':' + tag if tag else '')!r}",
        where=base,
        fix=f"there must be {join_url(base, name, *([tag] if tag else []), 'function.yaml')}",
    )


def _places(base: str, name: str, tag: str) -> Iterator[str]:
    # MLRun's hub writes names with underscores
    for each in dict.fromkeys((name, name.replace("-", "_"), name.replace("_", "-"))):
        for version in [tag] if tag else ["", "latest"]:
            folder = join_url(base, each, version) if version else join_url(base, each)
            yield join_url(folder, "function.yaml")
            yield join_url(folder, "src", "function.yaml")
