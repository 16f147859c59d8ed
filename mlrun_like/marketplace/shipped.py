"""The catalogue that comes with the product: there without a setting, and offline."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_folder"]


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
