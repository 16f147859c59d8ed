"""Which distribution brings a module: what to write into the requirements for an `import`."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.packaging.requirements import normalize_dist

__all__ = ["provider_of"]

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
    here = _installed().get(top, []) if _is_here(top) else []
    return normalize_dist(here[0] if len(set(here)) == 1 else top)


def _is_here(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()
