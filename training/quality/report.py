"""checkpoints/quality/*.json -> docs/quality.md: python -m training.quality.report"""

from collections.abc import Callable, Sequence
from pathlib import Path

from ndcb.core.files import write_whole
from ndcb.models import checkpoints
from ndcb.models.operating_points import DEFAULT, FALSE_NAMES
from ndcb.models.quality import SENTENCES
from ndcb.report import quality as tables
from ndcb.results import studies
from ndcb.results.studies import Quality
from ndcb.vault.enrolment import ONE_PERSON as ONE_PERSON_FMR
from training.quality.poor_photos import TAUGHT

PAGE = checkpoints.FOLDER.parent / "docs" / "quality.md"


def report(qualities: Sequence[Quality]) -> str:
    """The page as Markdown, from the figures of each recogniser alone."""
    people = qualities[0].people
    blocks = [
        "# Poor photos, mixed photos, and searches",
        HEAD,
        *(_source(quality) for quality in qualities),
        "## The quality gate",
        GATE,
        tables.untouched(qualities),
        "What is said of a refused photo: " + " ".join(SENTENCES.values()),
        CHANGES.format(people=people),
        STRANGERS.format(people=people),
        tables.strangers(qualities),
        *_each(qualities, "poor photos", _poor_photos),
        "## Photos of two people under one name",
        ONE_PERSON,
        *_each(qualities, "mixed photos", lambda quality: [tables.one_person(quality.one_person)]),
        "## A search through many names",
        SEARCH,
        *_each(qualities, "searches", _searches),
    ]
    return "\n\n".join(blocks) + "\n"


def _source(quality: Quality) -> str:
    made_by = " and ".join(f"`{made['name']}`" for made in quality.generators.values())
    return (
        f"- `{quality.recogniser}`, with the templates of {made_by}: commit {quality.commit}, on"
        f" {quality.device}"
    )


def _each(
    qualities: Sequence[Quality], what: str, section: Callable[[Quality], list[str]]
) -> list[str]:
    """A section for each recogniser. what: ends its heading."""
    blocks = []
    for quality in qualities:
        blocks += [f"### `{quality.recogniser}`: {what}", *section(quality)]
    return blocks


def _poor_photos(quality: Quality) -> list[str]:
    return [
        tables.changes(quality.changes, quality.strangers),
        tables.goal(quality.goal),
        tables.worst(quality.goal["kinds"]),
        ALONE,
        tables.alone(quality.alone),
    ]


def _searches(quality: Quality) -> list[str]:
    found = quality.identification
    return [tables.searches(found), tables.search_goal(found)]


HEAD = """Written by `python -m training quality`. LFW; no generator was trained on these people,
and of each photo the face in the middle is meant. Each recogniser has a gate of its own, learned
from the same photos:"""
GATE = f"""In poor photos people look alike: to a recogniser their faces gather in a few places. A
linear discriminant (scikit-learn's, with Ledoit and Wolf's covariance) tells those places from
where the faces of good photos lie. It reads the embedding that a login computes anyway. It has
learned from the development people's photos, untouched and grey, and made poor in {len(TAUGHT)}
ways ({", ".join(TAUGHT)}), and one limit decides: nearly one in a hundred of these people's
untouched photos is over it, each judged by a discriminant that has not seen its person. The test
people had no say in it. Poor photos are made here by computation; how the gate does on those that
cameras make was not measured."""
CHANGES = f"""\
The first photos of {{people}} test people are changed before the detector sees them. Sizes
are in pixels of LFW's photos, where a face is about 93 pixels wide. Blurred: the Gaussian's radius;
moved: pixels and degrees; dark, overexposed, pale: the factor of the brightness or of the contrast;
compressed: JPEG's quality; grainy: the noise's standard deviation, of 255; enlarged: so many times
smaller and back again; small: so many times smaller. Strangers accepted: pairs of two people, one
as a template, both changed alike, under the generator's default threshold, that of an FMR of
{DEFAULT} among development people. With the gate, a pair in which it refuses either photo counts as
refused."""
STRANGERS = """\
At so low an FMR few pairs of strangers are accepted, and some people's faces make most of them. So
the untouched photos of all test people are the unit that poor photos are measured in; the last
column says how many accepted pairs would be expected among the {people} people whose photos are
changed. Under `95 %` below is what a bootstrap of those people gives."""
ALONE = """\
What single measures would do in the gate's place, each with a limit that refuses as many of
the development people's untouched photos: the most strangers that are accepted in a kind of change
(plain templates), in units of those in untouched photos. The gate is the last row."""
ONE_PERSON = f"""\
Photos of one enrolment are compared with each other, before any key, as a login with
the template's generator compares them: with the one that is nearest to all others. The threshold is
that of an FMR of {ONE_PERSON_FMR}, not of {DEFAULT}: an owner's own two photos are refused more
rarely, and it is the owner who gives them. Refused: sets of photos of one person, drawn at random.
Missed: sets in which the last photo, or half of them, is a stranger's."""
SEARCH = f"""\
Each template of a search is one more chance to be taken for somebody else. So `identify` takes the
threshold at which one comparison among development people has an FMR of at most
{100 * FALSE_NAMES:g} % divided by the number of templates (and of at most {DEFAULT}), or the
smallest FMR for which a threshold was measured. Strangers named: those to whom a search gives a
name, among so many names of test people, enrolled at random again and again. Predicted:
1 - (1 - FMR)^n for n templates, with the test people's FMR, which is what `identify` says. It takes
templates for independent of each other; they are not. The last column is what the threshold of one
comparison would do."""


def write(folder: Path, page: Path = PAGE) -> Path:
    write_whole(page, report(studies.qualities(folder)))
    return page


if __name__ == "__main__":
    print(write(checkpoints.FOLDER / "quality"))
