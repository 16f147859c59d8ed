"""Keys that sign indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["keys"]


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Two private keys."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    paths = (tmp_path / "one.pem", tmp_path / "two.pem")
    for path in paths:
        path.write_bytes(
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return paths
