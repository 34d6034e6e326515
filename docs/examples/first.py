from tiphys import pipeline, step


@step
def greet(name: str) -> str:
    return f"Ahoy, {name}!"


@pipeline
def first(name: str = "Tiphys") -> str:
    return greet(name)
