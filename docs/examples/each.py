"""Many items: one graph for a list that is known now, or made by a step while the pipeline runs."""

from tiphys import File, each, pipeline, step


@step
def harbours(coast: str) -> list[str]:
    return {"north": ["Iolcus", "Lemnos"], "south": ["Anaphe", "Crete", "Libya"]}[coast]


@step
def log_page(harbour: str) -> File:
    with open("page.txt", "w") as page:  # the working folder is the step's own
        page.write(f"reached {harbour}\n")
    return File("page.txt")


@step
def letters(page: File) -> int:
    return len(page.path.read_text())


@step
def logbook(pages: list[int]) -> str:
    return f"{len(pages)} pages, {sum(pages)} letters"


@pipeline
def voyage(coast: str = "south") -> str:
    pages = each(harbours(coast), lambda harbour: letters(log_page(harbour)), parallel=2)
    return logbook(pages)
