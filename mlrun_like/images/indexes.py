"""Where packages come from: pip's configuration, in the form uv reads.

uv does not read pip's files, so an index that a machine has set up for pip would be missed. What is
set for uv itself wins.

The keys are those of pip's configuration (pip.pypa.io, "Configuration") and uv's environment
variables (docs.astral.sh/uv, "Environment variables").
"""

from __future__ import annotations

import configparser
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from mlrun_like.configuration import environment_copy

__all__ = ["pip_settings", "resolver_environment"]

_KEYS = ("index-url", "extra-index-url", "find-links", "cert", "no-index")
_UV_INDEX = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_NO_CONFIG")


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's index settings: later files win over earlier ones, the environment over all.

    A file that cannot be read is passed over, as pip itself would complain about it.

    >>> pip_settings({"PIP_INDEX_URL": "https://host/simple", "PIP_CONFIG_FILE": "/dev/null"})
    {'index-url': 'https://host/simple'}
    """
    found: dict[str, str] = {}
    for path in _files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install", "download"):
            if parser.has_section(section):
                found.update({k: v for k, v in parser.items(section) if k in _KEYS})
    for key in _KEYS:
        value = environ.get("PIP_" + key.upper().replace("-", "_"))
        if value:
            found[key] = value
    return {key: " ".join(value.split()) for key, value in found.items() if value.strip()}


def _files(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == "/dev/null":  # pip's own way to say: read no file at all
        return []
    home = Path(environ.get("HOME") or "~").expanduser()
    places = [
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    return [path for path in [*places, Path(named)] if path.is_file()]


def resolver_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a resolver: this process's, the builder's, and pip's settings for uv.

    Args:
        extra: The builder's environment (`builder_env`); it may hold credentials.
    """
    environ = {**environment_copy(), **extra}
    environ.pop("PYTHONPATH", None)  # the resolver's own packages are not ours
    if any(name in environ for name in _UV_INDEX):
        return environ
    settings = pip_settings(environ)
    if "index-url" in settings:
        environ["UV_DEFAULT_INDEX"] = settings["index-url"]
    if "extra-index-url" in settings:
        environ["UV_INDEX"] = settings["extra-index-url"]
        environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # what pip does
    if "find-links" in settings:
        # uv separates them by commas
        environ.setdefault("UV_FIND_LINKS", ",".join(shlex.split(settings["find-links"])))
    if "cert" in settings:
        environ.setdefault("SSL_CERT_FILE", settings["cert"])
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        environ.setdefault("UV_NO_INDEX", "1")
    return environ
