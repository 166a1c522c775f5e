import jinja2
import pytest

from fitness_tracker.evaluation.templates import cell, code, label, render


def test_code_is_one_line_without_fences() -> None:
    assert code("a`b\nc|d") == "`a'b c\\|d`"
    assert code("") == ""


def test_a_cell_does_not_split_a_table() -> None:
    assert cell("x|y\nz") == "x\\|y z"
    assert label("leg_raise|\n") == "leg raise\\|"


def test_a_template_without_its_values_fails() -> None:
    with pytest.raises(jinja2.UndefinedError, match="exercises"):
        render("fitness_tracker.evaluation", "exercises.md.jinja")


def test_html_is_escaped_and_markdown_is_not() -> None:
    nothing = {"clips": 0, "findings": [], "kinds": [], "pictures": {}, "most_pictures": 1}
    assert "Audit of a&lt;b" in render("fitness_tracker.audit", "findings.html.jinja", videos="a<b", **nothing)
    tables = {"metrics": [], "exercises": [], "params": {}, "stages": {}}
    assert render("fitness_tracker.review", "report.md.jinja", verdict="a<b", **tables) == "a<b\n"


def test_text_of_others_cannot_write_to_a_terminal() -> None:
    for filtered in (cell, code, label):
        assert filtered("a\x1b[31m\u202eb").strip("`") == "a\\x1b[31m\\u202eb"
