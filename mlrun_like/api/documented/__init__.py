"""What `openapi.json` says besides what the framework can see in a handler's signature.

document.py    puts it all into the framework's document
words.py       the small language of the tables below, and what all operations share
asked.py       query parameters, a row for each operation that has some
ordered.py     the lists: what they can be sorted by
names.py       examples for the parts of addresses
bodies.py      request bodies, a row for each operation that takes JSON; forms.py: their parts
"""
