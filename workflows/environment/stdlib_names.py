"""Top-level names of the standard library by minor version of Python, also of versions that are not running."""

from __future__ import annotations

import sys
from functools import cache

_REMOVED = {
    # name: first minor version without it ("What's New in Python", sections Removed)
    (3, 12): "asynchat asyncore distutils imp smtpd",
    (3, 13): (
        "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd "
        "sunau telnetlib uu xdrlib"
    ),
}
_ADDED = {
    (3, 14): "annotationlib compression",
}


@cache
def stdlib_names(python: str) -> frozenset[str]:
    """Names that `import` finds in the standard library of `python` ("3.11"); `__main__` among them."""
    wanted = tuple(int(part) for part in python.split(".")[:2])
    names = set(sys.stdlib_module_names) | {"__main__"}
    for version, text in _REMOVED.items():
        names = names - set(text.split()) if wanted >= version else names | set(text.split())
    for version, text in _ADDED.items():
        names = names | set(text.split()) if wanted >= version else names - set(text.split())
    return frozenset(names)
