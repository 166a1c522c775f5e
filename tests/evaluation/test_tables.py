from fitness_tracker.clips.folder import short_hash
from fitness_tracker.evaluation.tables import (
    confusion_table,
    exercise_rows,
    hashed_answers,
    most_frequent,
    untaught_rows,
    variants,
    worst_mistakes,
)
from tests.evaluation.scored import CORPUS, OWN, scored


def test_the_table_of_answers_names_nobody() -> None:
    table = hashed_answers(OWN)
    assert sorted(table["clip"]) == list(table["clip"])
    row = table[table["clip"] == short_hash("lunge/bob__1")].iloc[0]
    assert (row["group"], row["truth"], row["answer"]) == (short_hash("bob"), "lunge", "squat")
    assert abs(row["confidence"] - 0.8) < 1e-6


def test_the_confusion_table_has_a_row_for_each_clip() -> None:
    assert confusion_table(OWN[:2]).to_dict("records") == [
        {"actual": "lunge", "predicted": "lunge"},
        {"actual": "lunge", "predicted": "squat"},
    ]


def test_each_taught_exercise_has_its_f1_and_what_it_is_taken_for() -> None:
    lunge, squat = exercise_rows(CORPUS)
    assert (lunge.exercise, round(lunge.f1, 2), lunge.clips, lunge.taken_for) == ("lunge", 0.5, 2, [("none", 1)])
    assert (squat.exercise, round(squat.f1, 2), squat.clips, squat.taken_for) == ("squat", 0.67, 2, [("lunge", 1)])
    assert exercise_rows(CORPUS[4:]) == []


def test_a_name_is_as_sure_as_the_low_end_of_its_interval() -> None:
    right, wrong = (0.9, 0.1, 0.0), (0.3, 0.3, 0.4)
    rows = [
        exercise_rows([scored(f"lunge/lunge/{n}", f"g{n}", wrong if n < missed else right) for n in range(20)])[0]
        for missed in (0, 6, 12)
    ]
    assert [row.sure for row in rows] == ["good", "fair", "weak"]
    assert rows[0].low == 1 > rows[1].low > 0.5 > rows[2].low


def test_the_variants_of_an_exercise_are_the_other_labels_that_are_taught_as_it() -> None:
    assert variants(CORPUS) == {"lunge": ["side_lunge"], "squat": []}


def test_untaught_clips_are_listed_by_label_with_the_exercises_that_they_are_taken_for() -> None:
    assert untaught_rows(CORPUS) == [("crawl", 1, []), ("none", 1, [("lunge", 1)])]


def test_the_most_frequent_comes_first_and_ties_are_sorted() -> None:
    assert most_frequent("bcaabb") == [("b", 3), ("a", 2), ("c", 1)]
    assert most_frequent("cab") == [("a", 1), ("b", 1), ("c", 1)]


def test_the_surest_mistakes_come_first() -> None:
    surer = scored("squat/carl__1", "carl", (0.9, 0.1, 0.0))
    mistakes = worst_mistakes([*OWN, surer], 5)
    assert [one.clip.name for one in mistakes] == ["squat/carl__1", "lunge/bob__1"]
    assert worst_mistakes([*OWN, surer], 1) == [surer]
