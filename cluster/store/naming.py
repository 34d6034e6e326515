"""File names for texts of any kind (addresses, run ids, names of refs), one to one (pure)."""

from __future__ import annotations

import re
import string

from blake3 import blake3

_SAFE = frozenset((string.ascii_letters + string.digits + "_.-#[]=@,+").encode())
"""Kept as they are: what addresses are made of, so that they stay legible."""

_WRITTEN = tuple(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in range(256))

_LONGEST = 170
"""Bytes. File systems take 255; a time stamp before it and a digest after it need room."""

_INDEX = re.compile(r"\[[^\]]*\]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


def file_name(text: str) -> str:
    """A file name for `text`, different for different texts, never hidden, `.` or `..`, at most 170 bytes.

    Bytes outside a small safe set are written `%XX` (UTF-8), so that neither case-folding of other letters nor the
    normal form of accents lets two names meet. A longer name is cut and ends in `~` and the BLAKE3 of the text; `~`
    occurs in no other.
    """
    data = text.encode("utf-8", "surrogatepass")
    name = "".join([_WRITTEN[byte] for byte in data])
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST:
        return f"{name[: _LONGEST - 65]}~{blake3(data).hexdigest()}"
    return name or "%"


def text_of(name: str) -> str | None:
    """The text that `file_name` made `name` of, None when the name was cut."""
    if "~" in name:
        return None
    data = b"" if name == "%" else _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), name.encode("ascii"))
    return data.decode("utf-8", "surrogatepass")


def base_address(address: str) -> str:
    """An address without its item indices: `featurize` of `featurize[3]`, `train#2` of `train#2[0][1]`."""
    return _INDEX.sub("", address)
