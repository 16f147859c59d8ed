"""What runs read and write: files at URLs, and the records that describe them.

item.py       get_dataitem, get_artifact: a URL or a store:// URI -> what is there
data.py       DataItem: read, write, list and open one file or folder
stores.py     FileStore, the seam under DataItem; which scheme goes where
profiles.py   data stores by name: ds:// URLs; profile_kinds.py, profile_databases.py,
              profile_streams.py, profile_models.py: the kinds
mapped.py     URLs for which settings name a folder
local.py      files of this machine, written atomically
memory.py     objects of this process
web.py        http(s), read only
service_store.py   files of a service: service://<project>/<path>
service_http.py    how they travel: retries, resumed transfers
service_reading.py, service_writing.py   one file that is open
service_root.py    the same files on the service's own machine
remote.py     s3, gs, az and everything else fsspec knows
nowhere.py    the store of artifacts without bytes
aws_roles.py  keys that a role of AWS lends
credentials.py  where keys come from; they never appear in URLs or messages
formats.py    file formats and their suffixes, which of them run code when opened
frames.py     reading and writing tables (loads pandas, as the next two do)
selection.py  the columns, times and rows of a table that were asked for
preview.py    schema, preview and statistics of a table
lazy.py       loads those modules on first use
archives.py   folders as archives and back, trusting none; packed.py: told by content, as streams
fingerprints.py  what tells whether the data at a URL is still the same
exporting.py  an artifact as a file to hand on
digests.py    SHA-256 of bytes on their way to a store
artifact.py   all kinds of artifact as users hold them
base.py, dataset.py, model.py, plots.py, code.py, document.py, prompt.py   their classes
record.py     the record's fields as attributes; placed.py: where one artifact is
datasets.py   update_dataset_meta
manager.py    ArtifactManager: log_artifact, log_dataset, log_model
language.py   log_llm_prompt, log_document
placing.py    its steps: identify, place, register
paths.py      where an artifact's bytes go
writing.py    puts an artifact's bytes there
models.py     get_model, load_model, update_model
loaders.py    loads a model's bytes by suffix
trust.py      which model files may be opened
show.py       artifacts as safe HTML and as terminal text
hints.py      log hints: "name:type"
packers.py    Python values to artifacts and back
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.artifacts.artifact import (
        Artifact,
        DatasetArtifact,
        DirArtifact,
        ModelArtifact,
        PlotArtifact,
        PlotlyArtifact,
        TableArtifact,
    )
    from mlrun_like.artifacts.item import DataItem, get_dataitem
    from mlrun_like.artifacts.models import get_model, update_model

_LAZY = {
    "Artifact": "mlrun_like.artifacts.artifact:Artifact",
    "DataItem": "mlrun_like.artifacts.item:DataItem",
    "DatasetArtifact": "mlrun_like.artifacts.artifact:DatasetArtifact",
    "DirArtifact": "mlrun_like.artifacts.artifact:DirArtifact",
    "ModelArtifact": "mlrun_like.artifacts.artifact:ModelArtifact",
    "PlotArtifact": "mlrun_like.artifacts.artifact:PlotArtifact",
    "PlotlyArtifact": "mlrun_like.artifacts.artifact:PlotlyArtifact",
    "TableArtifact": "mlrun_like.artifacts.artifact:TableArtifact",
    "get_dataitem": "mlrun_like.artifacts.item:get_dataitem",
    "get_model": "mlrun_like.artifacts.models:get_model",
    "update_model": "mlrun_like.artifacts.models:update_model",
}
__all__ = [
    "Artifact",
    "DataItem",
    "DatasetArtifact",
    "DirArtifact",
    "ModelArtifact",
    "PlotArtifact",
    "PlotlyArtifact",
    "TableArtifact",
    "get_dataitem",
    "get_model",
    "update_model",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return resolve(_LAZY[name])
