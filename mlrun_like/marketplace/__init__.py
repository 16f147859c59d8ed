"""Catalogues of functions, modules and steps: where `hub://[<source>/]<name>[:<tag>]` leads.

    from mlrun_like.marketplace import get_hub_item, import_module, publish

    ml.import_function("hub://describe").run(inputs={"table": "train.csv"}, local=True)
    import_module("hub://histogram_data_drift")      # a module of this program
    graph.to("hub://verify_schema", schema={"id": "int"})
    publish("./clean_text", "/srv/hub")              # checked, tested, with digests

addresses.py   paths inside a catalogue: MLRun's layout, and a plain folder of functions
item.py        what a catalogue says of one thing: `HubItem`, from `item.yaml` or `catalog.json`
source.py      a catalogue's own record: `HubSource`; where and in which order they are kept
shipped.py     the catalogue that comes with the product
opening.py     bytes of a catalogue, bounded: a folder, a web server, a repository
keeping.py     what was read from elsewhere, kept for when it cannot be reached
index.py       the index of a catalogue: what it says of a name, with digests
signatures.py  whose signature an index bears, and whether it is older than one seen before
catalogue.py   all items of a source
versions.py    which version is the newest, and which need a newer product
pins.py        items pinned to a version and digest: `hub.lock`
looking.py     the document of a function in one source
making.py      that document, made of `item.yaml` and code where there is none
resolving.py   from a name to its document, source by source
using.py       an item becomes a function of a project
importing.py   an item becomes a module, or the class of a step
browsing.py    what sources offer and one item, as plain data for pages and commands
database.py    MLRun's methods of its database object
sharing/       an item is checked, tested and published
"""

from __future__ import annotations

from importlib import import_module as _import
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.marketplace.database import HubDatabase
    from mlrun_like.marketplace.importing import (
        HubModule,
        HubStep,
        get_hub_asset,
        get_hub_item,
        get_hub_module,
        get_hub_step,
        import_module,
        import_step,
    )
    from mlrun_like.marketplace.item import HubItem
    from mlrun_like.marketplace.sharing.checking import validate_item
    from mlrun_like.marketplace.sharing.publishing import publish
    from mlrun_like.marketplace.sharing.scaffold import init_item
    from mlrun_like.marketplace.sharing.testing import test_item
    from mlrun_like.marketplace.sharing.withdrawing import withdraw
    from mlrun_like.marketplace.shipped import shipped_folder
    from mlrun_like.marketplace.source import HubSource

_HERE = "mlrun_like.marketplace"
_LAZY = {
    "HubDatabase": "database",
    "HubItem": "item",
    "HubModule": "importing",
    "HubSource": "source",
    "HubStep": "importing",
    "get_hub_asset": "importing",
    "get_hub_item": "importing",
    "get_hub_module": "importing",
    "get_hub_step": "importing",
    "import_module": "importing",
    "import_step": "importing",
    "init_item": "sharing.scaffold",
    "publish": "sharing.publishing",
    "shipped_folder": "shipped",
    "test_item": "sharing.testing",
    "validate_item": "sharing.checking",
    "withdraw": "sharing.withdrawing",
}
__all__ = [
    "HubDatabase",
    "HubItem",
    "HubModule",
    "HubSource",
    "HubStep",
    "get_hub_asset",
    "get_hub_item",
    "get_hub_module",
    "get_hub_step",
    "import_module",
    "import_step",
    "init_item",
    "publish",
    "shipped_folder",
    "test_item",
    "validate_item",
    "withdraw",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(_import(f"{_HERE}.{module}"), name)
    return found


def __dir__() -> list[str]:
    return [*__all__]
