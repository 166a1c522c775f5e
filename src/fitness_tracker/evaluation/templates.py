"""Renders the Jinja templates that lie beside a package's modules, and makes text safe for Markdown tables."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fitness_tracker.core.errors import printable


def render(package: str, name: str, **values: object) -> str:
    """The template `name` of `package`, filled in; a name that it lacks raises, and in HTML all values are escaped."""
    environment = Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html.jinja"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "code": code, "label": label}
    return environment.get_template(name).render(values)


def cell(text: object) -> str:
    """As a table's cell: on one line, without a bar that ends it, control characters escaped."""
    return printable(" ".join(str(text).split())).replace("|", "\\|")


def code(text: object) -> str:
    """As a code span in a table's cell: neither mentions nor HTML nor bars work in it."""
    line = cell(str(text).replace("`", "'"))
    return f"`{line}`" if line else ""


def label(exercise: str) -> str:
    """As a table's cell, an exercise with spaces in place of underscores."""
    return cell(exercise.replace("_", " "))
