"""Folders: paths that lead back to their names."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.folders import Folder, build, escape

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_a_path_leads_back_to_its_names(names: list[str]) -> None:
    """However many `/` and `%` the names hold, the steps of a path are the names, from the root on."""
    ids = [str(number) for number in range(len(names))]
    tree = build(dict(zip(ids, names, strict=True)), dict(zip(ids[1:], ids[:-1], strict=True)), {})
    found = tree.find(ids[-1])
    assert found is not None
    assert [unquote(step) for step in found.path.split("/")] == names


def test_only_what_must_be_is_escaped() -> None:
    """`/` and `%` are percent-encoded; spaces and letters of any language stay readable."""
    assert escape("50% / Õun") == "50%25 %2F Õun"


def test_special_uses_are_told() -> None:
    """A folder has its special use, and a parent outside of the mailbox is the root."""
    tree = build({"in": "INBOX", "sub": "2026"}, {"in": "root", "sub": "in"}, {"in": "\\Inbox"})
    assert tree.find("in") == Folder(path="INBOX", special_use="\\Inbox")
    assert tree.find("sub") == Folder(path="INBOX/2026")
    assert tree.find("younger") is None


def test_folders_nest_as_deep_as_exchange_allows() -> None:
    """A folder 300 levels down has its whole path."""
    ids = [str(number) for number in range(300)]
    tree = build({each: f"n{each}" for each in reversed(ids)}, dict(zip(ids[1:], ids[:-1], strict=True)), {})
    deepest = tree.find("299")
    assert deepest is not None
    assert deepest.path.split("/") == [f"n{each}" for each in ids]


@given(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcdef")))
def test_loops_end(parents: dict[str, str]) -> None:
    """Whatever parents we are told, every folder has a path that ends with its own name."""
    tree = build({each: each.upper() for each in "abcde"}, parents, {})
    for each in "abcde":
        found = tree.find(each)
        assert found is not None
        assert found.path.rpartition("/")[2] == each.upper()
