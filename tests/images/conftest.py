"""Fixtures for images: real registries, and small images to move around."""

from __future__ import annotations

import pytest

from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer
from tests.registries import locked_registry, registry

__all__ = ["locked_registry", "registry", "small"]


@pytest.fixture
def small(home: object) -> Image:
    """An image of two small layers."""
    one = build_layer([Entry.directory("/app"), Entry.data("/app/a", b"1" * 5000)])
    two = build_layer([Entry.data("/app/b", b"2")])
    return (
        Image.scratch("linux/amd64").with_layers(one).with_layers(two).with_config(cmd=["/app/a"])
    )
