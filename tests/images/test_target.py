"""Names of platforms."""

from __future__ import annotations

import pytest

from mlrun_like.errors import BuildError
from mlrun_like.images.target import Target, here


def test_names_for_resolvers() -> None:
    arm = Target("3.12", "linux/arm64/v8")
    assert arm.uv_platform == "aarch64-manylinux_2_28"
    assert arm.pip_platforms[0] == "manylinux_2_28_aarch64"
    assert Target("3.12", "linux/riscv64").uv_platform == "riscv64-unknown-linux-gnu"
    assert Target("3.12", "linux/amd64", "musl").uv_platform == "x86_64-unknown-linux-musl"


@pytest.mark.parametrize("name", ["windows/amd64", "linux/z80", "", "amd64"])
def test_platforms_without_wheels(name: str) -> None:
    with pytest.raises(BuildError, match="cannot be built"):
        _ = Target("3.12", name).machine


def test_here() -> None:
    assert here().is_here
    assert not here()._replace(python="2.7").is_here
