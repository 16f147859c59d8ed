"""What runs read and write: files at URLs, and the records that describe them.

item.py       get_dataitem, get_artifact: a URL or a store:// URI -> what is there
data.py       DataItem: read, write, list and open one file or folder
stores.py     FileStore, the seam under DataItem; which scheme goes where
local.py      files of this machine, written atomically
memory.py     objects of this process
web.py        http(s), read only
remote.py     s3, gs, az and everything else fsspec knows
credentials.py  where keys come from; they never appear in URLs or messages
formats.py    file formats and their suffixes, which of them run code when opened
frames.py     reading and writing tables (loads pandas, as the next two do)
selection.py  the columns, times and rows of a table that were asked for
preview.py    schema, preview and statistics of a table
lazy.py       loads those modules on first use
digests.py    SHA-256 of bytes on their way to a store
artifact.py   all kinds of artifact as users hold them
base.py, dataset.py, model.py, plots.py   their classes
manager.py    ArtifactManager: log_artifact, log_dataset, log_model
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
