"""`python -m mlrun_like` is `mlrun-like`."""

from __future__ import annotations

from mlrun_like.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
