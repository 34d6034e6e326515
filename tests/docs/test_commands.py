"""The check of commands in documentation: what it accepts, what it names."""

from tests.checks.readme import problems
from tests.docs.documents import ROOT, pages

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_every_command_of_every_page_exists() -> None:
    found = {str(page.relative_to(ROOT)): problems(page.read_text("utf-8"), MAKEFILE) for page in pages()}
    assert not {page: wrong for page, wrong in found.items() if wrong}


def test_what_does_not_exist_is_named() -> None:
    text = "$ make deom\n$ tiphys run a.py --forse x\n$ tiphys plot a.py\n$ tiphys why latest\n"
    wrong = problems(text, MAKEFILE)
    assert [line.split(":")[0] for line in wrong] == [
        "make deom",
        "tiphys run a.py --forse x",
        "tiphys plot a.py",
        "tiphys why latest",
    ]


def test_comments_quotes_and_help_are_understood() -> None:
    text = "$ make demo     # sets everything up\n$ tiphys get latest 'featurize[3]'  # one item\n$ tiphys run --help\n"
    assert problems(text, MAKEFILE) == []
