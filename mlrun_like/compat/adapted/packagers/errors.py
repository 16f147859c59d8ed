"""The errors of `mlrun.package`."""

from __future__ import annotations

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "MLRunPackageBundlingError",
    "MLRunPackageCollectionError",
    "MLRunPackageError",
    "MLRunPackagePackingError",
    "MLRunPackageUnbundlingError",
    "MLRunPackageUnpackingError",
]


class MLRunPackageError(InvalidArgumentError):
    """A value or an input that a packager cannot handle, or a packager that is none."""


class MLRunPackageCollectionError(MLRunPackageError):
    """A packager could not be found or is none."""


class MLRunPackagePackingError(MLRunPackageError):
    """A value could not be packed."""


class MLRunPackageUnpackingError(MLRunPackageError):
    """An input could not be read as its type hint says."""


class MLRunPackageBundlingError(MLRunPackageError):
    """A collection of inputs could not be read as its type hint says."""


class MLRunPackageUnbundlingError(MLRunPackageError):
    """A value could not be taken apart."""
