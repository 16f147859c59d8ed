"""Callbacks for other libraries: their base class is known only when the library is there."""

from __future__ import annotations

import functools
from typing import Any

from mlrun_like.registry import require

__all__ = ["subclass"]


@functools.cache
def subclass(name: str, own: Any, base: str, extra: str) -> Any:
    """A class of our methods whose base is another library's.

    Args:
        name: The class's name.
        own: Our class with the methods.
        base: Where the base is: `module:Class`.
        extra: The extra of this package that installs the library.

    >>> issubclass(subclass("Words", type("Own", (), {}), "collections:UserDict", ""), dict)
    False
    """
    module, _, attribute = base.partition(":")
    parent = getattr(require(module, extra=extra, feature=name), attribute)
    return type(name, (own, parent), {"__module__": own.__module__, "__doc__": own.__doc__})
