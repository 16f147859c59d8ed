"""The table of all settings: name, type, default, help and MLRun's names for them.

general   home, store, artifacts, runs
engines   where functions run: this machine, containers, clusters, times
images    images and registries
serving   serving graphs
gateway   deployed functions on this machine
setting   one row
table     all of them

`config` reads them; a new setting is a row of its area.
"""

from mlrun_like.settings.setting import Setting
from mlrun_like.settings.table import PATHS, SECRETS, SETTINGS

__all__ = ["PATHS", "SECRETS", "SETTINGS", "Setting"]
