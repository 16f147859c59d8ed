"""The table of all settings: name, type, default, help and MLRun's names for them.

general   home, store, artifacts, runs
engines   where functions run: this machine, containers, clusters, times
images    images and registries
serving   serving graphs
gateway   deployed functions on this machine
access    who may use the service of a team
execution runs that the service starts for its callers
service   the service of a team: address, processes, limits
setting   one row
file      the file of settings
table     all of them

`config` reads them; a new setting is a row of its area.
"""

from mlrun_like.settings.setting import Setting
from mlrun_like.settings.table import PATHS, SECRETS, SETTINGS

__all__ = ["PATHS", "SECRETS", "SETTINGS", "Setting"]
