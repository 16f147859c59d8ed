"""The catalogue that comes with the product: there without a setting, and offline."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OTHER_NAMES", "shipped_folder"]

OTHER_NAMES = {"model_server_tester": "v2_model_tester"}
"""Names of MLRun's hub for items that are one here: the older one is found, and not listed."""


def shipped_folder() -> Path | None:
    """Where it is: in the installed package, or at the root of a checkout; None: it was left out.

    >>> folder = shipped_folder()
    >>> folder is None or folder.is_dir()
    True
    """
    package = Path(__file__).resolve().parent
    installed, root = package / "shipped", package.parents[1]
    if installed.is_dir():
        return installed
    # site-packages may hold a folder of that name too, and it would be somebody else's
    checkout = root / "marketplace"
    return checkout if checkout.is_dir() and (root / "pyproject.toml").is_file() else None
