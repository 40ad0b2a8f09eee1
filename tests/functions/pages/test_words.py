"""Pages have words for everything that can go wrong."""

from functions.pages.words import PROBLEMS
from shared.services.sign_ins import ProblemKind


def test_each_problem_has_its_own_words() -> None:
    """No problem is without words, and no two share them."""
    assert set(PROBLEMS) == set(ProblemKind)
    assert len({words.title for words in PROBLEMS.values()}) == len(PROBLEMS)
