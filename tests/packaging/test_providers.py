"""What to install for an import."""

from __future__ import annotations

import pytest

from mlrun_like.packaging.providers import provider_of


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn", "scikit-learn"),
        ("sklearn.linear_model", "scikit-learn"),
        ("PIL.Image", "pillow"),
        ("yaml", "pyyaml"),
        ("cv2", "opencv-python-headless"),
        ("pandas", "pandas"),
        ("_pytest", "pytest"),  # as this installation says
        ("mlrun_like.runs", "mlrun-like"),
        ("Some_Thing.else", "some-thing"),
        ("", ""),
    ],
)
def test_modules_and_distributions(module: str, name: str) -> None:
    assert provider_of(module) == name
