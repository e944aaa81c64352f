"""checkpoints/quality.json -> docs/quality.md: python -m training.quality.report"""

import json
from pathlib import Path

from ndcb.core.files import write_whole
from ndcb.models import checkpoints
from ndcb.models.quality import FILE, SENTENCES
from ndcb.report.tables import numbers_table
from training.quality.poor_photos import TAUGHT

PAGE = checkpoints.FOLDER.parent / "docs" / "quality.md"
PARTS = {"development": "development people", "test": "test people"}
LOGINS = {"plain": "plain template", "sealed": "sealed template, right key"}
TEMPLATES = {"one_template": "1", "two_templates": "2"}


def report(found: dict) -> str:
    """The page as Markdown, from the figures alone."""
    return (
        "\n\n".join(
            [
                "# Poor photos, mixed photos, and searches",
                HEAD.format(**found),
                "## The quality gate",
                GATE,
                untouched(found["untouched"]),
                "What is said of a refused photo: " + " ".join(SENTENCES.values()),
                CHANGES.format(people=found["people"]),
                changes(found["changes"]),
                goal(found),
                ALONE,
                alone(found["alone"]),
                "## Photos of two people under one name",
                ONE_PERSON,
                one_person(found["one_person"]),
                "## A search through many names",
                SEARCH,
                searches(found["identification"]),
            ]
        )
        + "\n"
    )


HEAD = """Written by `python -m training quality`, commit {commit}, on {device}. LFW; no generator
was trained on these people, and of each photo the face in the middle is meant."""
GATE = f"""In poor photos people look alike: to FaceNet their faces gather in a few places. A linear
discriminant (scikit-learn's, with Ledoit and Wolf's covariance) tells those places from where the
faces of good photos lie. It reads the embedding that a login computes anyway. It has learned from
the development people's photos, untouched and grey, and made poor in {len(TAUGHT)} ways
({", ".join(TAUGHT)}), and one limit decides: nearly one in a hundred of these people's untouched
photos is over it, each judged by a discriminant that has not seen its person. The test people were
looked at once. Poor photos are made here by computation; how the gate does on those that cameras
make was not measured."""
CHANGES = """\
The first photos of {people} test people are changed before the detector sees them. Sizes
are in pixels of LFW's photos, where a face is about 93 pixels wide. Blurred: the Gaussian's radius;
moved: pixels and degrees; dark, overexposed, pale: the factor of the brightness or of the contrast;
compressed: JPEG's quality; grainy: the noise's standard deviation, of 255; enlarged: so many times
smaller and back again; small: so many times smaller. Strangers accepted: pairs of two people, one
as a template, both changed alike, under the generator's login threshold. With the gate, a pair in
which it refuses either photo counts as refused."""
ALONE = """\
What single measures would do in the gate's place, each with a limit that refuses as many of
the development people's untouched photos: the most strangers that are accepted in a kind of change
(plain templates), in units of those in untouched photos. The gate is the last row; nothing is
needed beside it."""
ONE_PERSON = """\
Photos of one enrolment are compared with each other, before any key, as a login with
the template's generator compares them: with the one that is nearest to all others, at the login
threshold. Refused: sets of photos of one person, drawn at random. Missed: sets in which the last
photo, or half of them, is a stranger's."""
SEARCH = """\
`identify` takes the threshold of 1:1. Strangers named: those to whom a search gives a name,
among so many names of test people, enrolled at random again and again. Predicted: 1 - (1 - FMR)^n
for n templates, which is what `identify` says. It takes templates for independent of each other;
they are not, so it says rather too much, above all in large vaults."""


def untouched(found: dict) -> str:
    rows = [
        [PARTS[part], f"{one['people']:,}", f"{one['photos']:,}", f"{one['refused']:.2%}"]
        for part, one in found.items()
    ]
    return numbers_table(["untouched photos of", "people", "photos", "refused"], rows)


def changes(found: dict) -> str:
    header = ["change", "face found", "refused by the gate"]
    header += [
        f"{words}: {what}"
        for words in LOGINS.values()
        for what in ("strangers accepted", "with the gate", "of those that pass")
    ]
    return numbers_table(header, [_change(name, line) for name, line in found.items()])


def _change(name: str, line: dict) -> list[str]:
    if "refused" not in line:
        return [name, f"{line['found']:.0%}", *[""] * 7]
    cells = [name, f"{line['found']:.0%}", f"{line['refused']:.1%}"]
    for login in LOGINS:
        rates = line[login]
        passing = "" if rates["passing"] is None else f"{rates['passing']:.2%}"
        cells += [f"{rates['accepted']:.2%}", f"{rates['with_gate']:.2%}", passing]
    return cells


def goal(found: dict) -> str:
    reached = dict(found["goal"])
    allowed, met = reached.pop("allowed"), reached.pop("met")
    worst = ", ".join(f"{kind} {times:.1f}" for kind, times in reached.items())
    return (
        f"**Goal**: with the gate, poor photos let in at most {allowed:.0f} times as many "
        f"strangers as untouched ones: {'met' if met else '**missed**'}. The most, in either kind "
        f"of template: {worst}."
    )


def alone(found: dict) -> str:
    kinds = list(next(iter(found.values())))
    rows = [[name, *(f"{times[kind]:.1f}" for kind in kinds)] for name, times in found.items()]
    return numbers_table(["measure", *kinds], rows)


def one_person(found: dict) -> str:
    rows = [
        [
            f"{PARTS[part]}, {LOGINS[login].split(',')[0]}",
            count,
            f"{one['people']:,}",
            f"{one['refused']:.1%}",
            f"{one['missed']:.1%}",
            f"{one['half_missed']:.1%}",
        ]
        for part, logins in found.items()
        for login, counts in logins.items()
        for count, one in counts.items()
    ]
    header = ["", "photos", "people", "refused", "missed: one stranger", "missed: half strangers"]
    return numbers_table(header, rows)


def searches(found: dict) -> str:
    rows = [
        [TEMPLATES[kind], names, f"{one['named']:.1%}", f"{one['predicted']:.1%}"]
        for kind, counts in found.items()
        for names, one in counts.items()
    ]
    header = ["templates of a name", "names", "strangers named", "predicted"]
    return numbers_table(header, rows)


def write(file: Path, page: Path = PAGE) -> Path:
    write_whole(page, report(json.loads(file.read_text())))
    return page


if __name__ == "__main__":
    print(write(checkpoints.FOLDER / FILE))
