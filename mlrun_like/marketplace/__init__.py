"""Catalogues of functions, modules and steps: where `hub://[<source>/]<name>[:<tag>]` leads.

addresses.py   paths inside a catalogue: MLRun's layout, and a plain folder of functions
item.py        what a catalogue says of one thing: `HubItem`, from `item.yaml` or `catalog.json`
source.py      a catalogue's own record: `HubSource`; where and in which order they are kept
opening.py     bytes of a catalogue, bounded: a folder, a web server, a repository
keeping.py     what was read from elsewhere, kept for when it cannot be reached
catalogue.py   all items of a source
resolving.py   from a name to its document, source by source
using.py       an item becomes a function of a project
"""
