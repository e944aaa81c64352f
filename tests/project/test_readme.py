"""README is true: its tables come from the figures, its commands and its pictures exist."""

import re

from training import publish as readme


def test_the_tables_are_what_was_measured():
    text = readme.README.read_text()
    assert readme.with_tables(text) == text, "stale; run: python -m training.publish"


def test_what_readme_names_is_there():
    text = readme.README.read_text()
    for path in re.findall(r"\]\((?!http|#)([^)]+)\)", text):
        assert (readme.README.parent / path).exists(), path
    makefile = (readme.README.parent / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", text):
        assert f"\n{target}:" in makefile, target
