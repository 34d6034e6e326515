"""Code closures: everything first-party that a step can reach, from the text alone, and a digest of it.

How it works, from the outside in:

- `codebase` is the face; `cache` and `disk` answer for an unchanged project, without the parser.
- `summary` turns a file into facts (`facts`), one unit a top-level statement, by its canonical form (`canonical`) and
  the names that are not locals (`scopes`, `names`, `calls`, `literals`).
- `modules` finds first-party modules, `resolver` follows a name to units, `view` says what of a unit counts.
- `walk` computes the closure, with import-time effects (`effects`, `components`) and what text cannot tell (`hazards`);
  `result` makes the digest.

What text cannot tell (computed imports, computed names of environment variables) is observed while a step runs, and
is not this package's business.
"""

from tiphys.workflows.closure.codebase import CodeBase
from tiphys.workflows.closure.model import CodeClosure, Unit, unit_text

__all__ = ["CodeBase", "CodeClosure", "Unit", "unit_text"]
