"""A switch that makes code written for MLRun run here, unchanged.

    import mlrun_like.compat

    mlrun_like.compat.install()

    import mlrun                     # this product, under the old names
    project = mlrun.get_or_create_project("demo", "./")

The same without a line of code: `mlrun-like compat run script.py`, `mlrun-like compat pytest DIR`,
or the variable `MLRUN_LIKE_COMPAT=1`. Nothing named `mlrun` is installed.

switch.py       install, uninstall, reset, and what the variable does
finder.py       one import finder: `mlrun`, any `mlrun.<module>`, `storey` and `nuclio`
table.py        the rows: an old name, and what it is here, or why it is not
known.py        every public name of those packages, so that a typing error is told from a gap
symbols/        the rows, a file for each area
adapted/        what MLRun does in a way that is decided otherwise here, or has removed since
known/          the names, as text
env_file.py     the file of variables that MLRun reads when it is imported
needs.py        what a script needs, read from its text
differences.py  names that work in a way that a script may notice
script.py       running a script as Python would
"""

from __future__ import annotations

from mlrun_like.compat.switch import install, installed, reset, uninstall

__all__ = ["install", "installed", "reset", "uninstall"]
