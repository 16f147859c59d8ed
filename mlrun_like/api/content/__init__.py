"""Files of strangers: which are opened, how they travel, and what is shown of them.

places.py       which URLs the service opens for members of a project
public_web.py   web servers, if any: public addresses only, no redirects
transfer.py     answers by ranges; bodies that arrive piece by piece
uploads.py      large files in parts that may be sent again
media.py        what a file is, by its bytes; headers that keep it from acting
previewing.py   one answer for whatever is in a file
heads.py        the beginnings of files
viewing.py      what a browser shows in place
records.py      what a record says without its file
sandbox.py      processes with limits that parse; worker.py: such a process
tables.py, archives.py   what they parse
notebooks.py, markdown.py   as plain cells, as safe HTML
"""

from __future__ import annotations
