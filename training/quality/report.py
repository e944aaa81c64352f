"""checkpoints/quality.json -> docs/quality.md: python -m training.quality.report"""

from pathlib import Path

from ndcb.core.files import write_whole
from ndcb.models import checkpoints
from ndcb.models.quality import FILE, SENTENCES
from ndcb.report import quality as tables
from ndcb.results import studies
from ndcb.results.studies import Quality
from training.quality.poor_photos import TAUGHT

PAGE = checkpoints.FOLDER.parent / "docs" / "quality.md"


def report(quality: Quality) -> str:
    """The page as Markdown, from the figures alone."""
    blocks = [
        "# Poor photos, mixed photos, and searches",
        HEAD.format(commit=quality.commit, device=quality.device),
        "## The quality gate",
        GATE,
        tables.untouched(quality.untouched),
        "What is said of a refused photo: " + " ".join(SENTENCES.values()),
        CHANGES.format(people=quality.people),
        tables.changes(quality.changes),
        tables.goal(quality.goal),
        ALONE,
        tables.alone(quality.alone),
        "## Photos of two people under one name",
        ONE_PERSON,
        tables.one_person(quality.one_person),
        "## A search through many names",
        SEARCH,
        tables.searches(quality.identification),
    ]
    return "\n\n".join(blocks) + "\n"


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


def write(file: Path, page: Path = PAGE) -> Path:
    write_whole(page, report(studies.quality(file)))
    return page


if __name__ == "__main__":
    print(write(checkpoints.FOLDER / FILE))
