"""The generators and operating points that a visitor, or a program, may choose."""

from collections import Counter

import gradio as gr

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES, UnknownName
from ndcb.models import checkpoints, records
from ndcb.models.operating_points import DEFAULT, NAMED, check_name

LEVELS = [(f"FMR {name.replace('%', ' %')}", name) for name in NAMED]
"""(label, name) of the operating points."""
HOW_SET = (
    "FMR: the share of strangers who are accepted. The threshold was set on other people than those"
    " it is measured on here."
)


def generators(pictures: str) -> list[tuple[str, str]]:
    """(label, name) of the generators of `faces` or `digits`.

    The default comes first, then the shortest name. Two generators with one label get their names
    beside it.
    """
    digits = pictures == "digits"
    every_record = checkpoints.every_record().items()
    labels = {
        name: record["label"]
        for name, record in every_record
        if records.of_digits(record) == digits
    }
    times = Counter(labels.values())

    names = sorted(
        labels, key=lambda name: (name not in (DEFAULT_FACES, DEFAULT_DIGITS), len(name), name)
    )
    return [
        (labels[name] if times[labels[name]] == 1 else f"{labels[name]} ({name})", name)
        for name in names
    ]


def known_generator(name: str) -> str:
    """The name of a generator of faces, as a program sent it.

    Raises UnknownName, for a path too: no other folder is opened.
    """
    names = [known for _, known in generators("faces")]
    if name not in names:
        raise UnknownName("checkpoint", name, names)
    return name


def operating_point_field() -> gr.Textbox:
    """A public endpoint's last parameter; who leaves it out gets the default."""
    return gr.Textbox(DEFAULT, label="fmr", visible=False)


def known_fmr(fmr: str) -> str | None:
    """The name of an operating point, as a program sent it; None: the default.

    An older record has the default, too. An empty text was left out. Raises UserError: another
    name.
    """
    check_name(fmr or DEFAULT)
    return None if fmr in ("", DEFAULT) else fmr


def generator_choice(pictures: str, elem_id: str) -> gr.Radio:
    """The generators of `faces` or `digits` to choose from; the first one is chosen."""
    choices = generators(pictures)
    return gr.Radio(
        choices, value=choices[0][1] if choices else None, label="Generator", elem_id=elem_id
    )
