"""Links between pages of the repository lead somewhere."""

import re
from pathlib import Path

from tests.docs.documents import ROOT, pages

_LINK = re.compile(r"\]\((?!\w+:)(?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def broken(page: Path) -> list[str]:
    """Targets of relative links that are not there, and anchors that no heading has."""
    found = []
    for link in _LINK.finditer(_CODE.sub("", page.read_text("utf-8"))):
        target = (page.parent / link["target"]).resolve() if link["target"] else page
        missing = not target.exists()
        if not missing and link["anchor"] and target.suffix == ".md":
            missing = link["anchor"] not in anchors(target)
        if missing:
            found.append(link[0])
    return found


def anchors(page: Path) -> set[str]:
    """The headings of a page as they are linked to: lower case, dashes for spaces, no other signs."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    known = [*pages(), *ROOT.glob("*.md"), ROOT / "workflows/pipelines/README.md"]
    wrong = {str(page.relative_to(ROOT)): broken(page) for page in known}
    assert not {page: links for page, links in wrong.items() if links}
