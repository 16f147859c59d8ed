"""`mlrun.package`: what its callers use besides packagers themselves.

errors.py           MLRunPackageError and those below it
formats.py          the classes of file formats, over ours: archives, collections, arrays, tables
names.py            constants
pickler.py          Pickler
type_hints.py       TypeHintUtils
log_hints.py        LogHint, and LogHintUtils of older versions
manager.py          PackagersManager: packers, results and artifacts outside of a run
context_handler.py  ContextHandler: what `handler` does, step by step
"""
