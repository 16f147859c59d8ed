"""Which distribution brings a module: what to write into the requirements for an `import`."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.packaging.requirements import normalize_dist

__all__ = ["distributions_of_modules", "importable", "provider_of"]

_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "Bio": "biopython",
        "Crypto": "pycryptodome",
        "MySQLdb": "mysqlclient",
        "OpenSSL": "pyopenssl",
        "PIL": "pillow",
        "attr": "attrs",
        "bs4": "beautifulsoup4",
        "cv2": "opencv-python-headless",
        "dateutil": "python-dateutil",
        "docx": "python-docx",
        "dotenv": "python-dotenv",
        "faiss": "faiss-cpu",
        "fitz": "pymupdf",
        "github": "pygithub",
        "grpc": "grpcio",
        "ignite": "pytorch-ignite",
        "jose": "python-jose",
        "jwt": "pyjwt",
        "kafka": "kafka-python",
        "magic": "python-magic",
        "mlrun_like": "mlrun-like",
        "mpl_toolkits": "matplotlib",
        "osgeo": "gdal",
        "pkg_resources": "setuptools",
        "psycopg2": "psycopg2-binary",
        "ruamel": "ruamel.yaml",
        "serial": "pyserial",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "skopt": "scikit-optimize",
        "snowflake": "snowflake-connector-python",
        "socks": "pysocks",
        "umap": "umap-learn",
        "usb": "pyusb",
        "yaml": "pyyaml",
        "zmq": "pyzmq",
    }
)
"""Modules whose distribution has another name."""


def provider_of(module: str) -> str:
    """The name to install for a module: as widely known, else as installed here, else its own.

    Args:
        module: As in an import; only its first part counts.

    >>> provider_of("sklearn.linear_model"), provider_of("no_such_module")
    ('scikit-learn', 'no-such-module')
    """
    top = module.partition(".")[0]
    if top in _KNOWN:
        return _KNOWN[top]
    # which distributions there are is read from all that are installed: only if it can be one
    here = distributions_of_modules().get(top, []) if importable(top) else []
    return normalize_dist(here[0] if len(set(here)) == 1 else top)


def importable(name: str) -> bool:
    """Whether this interpreter finds a top-level package, without importing it."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@functools.cache
def distributions_of_modules() -> Mapping[str, list[str]]:
    """Top-level name -> the installed distributions that bring it; slow the first time."""
    return importlib.metadata.packages_distributions()
