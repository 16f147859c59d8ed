"""Starting the gateway with the machine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from mlrun_like.configuration import config, environment
from mlrun_like.errors import StoreUnavailableError

__all__ = ["install", "unit_text"]

_NAME = "mlrun-like-gateway"


def unit_text() -> str:
    """A systemd unit of this user that keeps the gateway up."""
    values = {**config.changed(), "home": str(config.path())}
    lines = [
        f'Environment="MLRUN_LIKE_{name.upper()}={_escaped(str(value))}"'
        for name, value in sorted(values.items())
    ]
    return "\n".join(
        [
            "[Unit]",
            "Description=Gateway of deployed functions (mlrun-like)",
            "After=network-online.target",
            "",
            "[Service]",
            f"ExecStart={_escaped(sys.executable)} -m mlrun_like up --foreground",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "KillMode=mixed",
            f"TimeoutStopSec={int(config.gateway_grace) + 15}",
            "Restart=always",
            *lines,
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def install() -> str:
    """Write the unit, if this machine has systemd; gives what is left to do.

    Raises:
        StoreUnavailableError: if the unit cannot be written.
    """
    if shutil.which("systemctl") is None:
        home = str(config.path())
        return (
            "this machine has no systemd; add this line with `crontab -e`:\n"
            f"@reboot MLRUN_LIKE_HOME={home} {sys.executable} -m mlrun_like up"
        )
    base = environment("XDG_CONFIG_HOME") or "~/.config"
    path = Path(base).expanduser() / "systemd" / "user" / f"{_NAME}.service"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.chmod(0o600)  # before it holds settings, which may be secret
        path.write_text(unit_text(), encoding="utf-8")
    except OSError as exc:
        raise StoreUnavailableError(f"the unit cannot be written: {exc}", where=str(path)) from exc
    return (
        f"written: {path}\n"
        f"systemctl --user daemon-reload && systemctl --user enable {_NAME}   # starts at log-in\n"
        "loginctl enable-linger   # starts with the machine"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", " ")
