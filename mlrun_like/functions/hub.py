"""Functions from catalogues: `hub://[<hub>/]<name>[:<tag>]`."""

from __future__ import annotations

import re

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import known, load

__all__ = ["hub_address", "parse_address"]

_FORM = re.compile(
    r"hub://(?:(?P<hub>[A-Za-z0-9][\w.-]*)/)?(?P<name>[A-Za-z0-9][\w.-]*)(?::(?P<tag>[\w.-]+))?\Z"
)


def parse_address(url: str) -> tuple[str, str, str]:
    """The hub, name and tag of a `hub://` address; hub and tag may be empty.

    >>> parse_address("hub://ours/describe:1.2.0")
    ('ours', 'describe', '1.2.0')

    Raises:
        InvalidArgumentError: if it is malformed.
    """
    found = _FORM.match(url) if isinstance(url, str) else None
    if found is None:
        raise InvalidArgumentError(
            f"{url!r:.100} is not an address in a catalogue",
            fix="write hub://[<hub>/]<name>[:<tag>]",
        )
    return found["hub"] or "", found["name"], found["tag"] or ""


def hub_address(url: str) -> str:
    """The path or URL of the `function.yaml` that a `hub://` address stands for.

    A hub is a callable `(name, tag) -> address` in the registry's group `hubs`; any other name is
    one of the catalogues that the store or the setting `hub_url` knows.

    Raises:
        InvalidArgumentError: if the address is malformed.
        NotFoundError: if there is no such hub, or it has no such function.
    """
    hub, name, tag = parse_address(url)
    if hub != "default" and hub in known("hubs"):
        return str(load("hubs", hub)(name, tag))
    return str(load("hubs", "default")(name, tag, hub))
