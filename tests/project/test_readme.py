"""README and docs are true: their tables come from the figures, and what they name is there."""

import json
import re

import pytest

from ndcb.core.paths import checkpoints_folder
from tests.conftest import ROOT
from training import publish

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!http)([^)#]*)(#[^)]*)?\)")


def named(path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def summaries() -> dict[str, dict]:
    files = checkpoints_folder().glob("*/evaluation/summary.json")
    return {path.parents[1].name: json.loads(path.read_text()) for path in files}


def test_the_tables_are_what_was_measured():
    for page, text in publish.pages().items():
        assert page.read_text() == text, f"{page.name} is stale; run: python -m training.publish"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_names_is_there(page):
    for place, section in LINK.findall(page.read_text()):
        target = page.parent / place if place else page
        assert target.exists(), place
        if section:
            assert section[1:] in anchors(target), f"{place}{section}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_modules_that_a_page_names_are_there(page):
    for place in re.findall(r"`((?:ndcb|training|tools|docs)/[\w/]+\.py)`", page.read_text()):
        assert "NAME" in place or (ROOT / place).is_file(), place


def anchors(page) -> set[str]:
    """The names that a Markdown page's headings have in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_has_the_targets(page):
    makefile = (ROOT / "Makefile").read_text()
    code = re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.DOTALL)
    for target in re.findall(r"^`?make ([a-z-]+)", "\n".join(code), re.MULTILINE):
        assert f"\n{target}:" in makefile, target


def test_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    widths = [line.count("|") - 1 for line in lines if line.startswith("| ---")]
    assert widths == [6], "the generators' table has six columns"


def test_the_moving_picture_is_small():
    from PIL import Image

    path = ROOT / "docs" / "templates.gif"
    assert path.stat().st_size < 2_000_000
    with Image.open(path) as picture:
        assert picture.n_frames == 4, "one for each generator of faces"


def test_the_figures_between_the_words_are_measured(summaries):
    """README and docs/sealed.md tell some figures by hand, to say what they mean."""
    readme, sealed_page = (
        " ".join((ROOT / name).read_text().split()) for name in ("README.md", "docs/sealed.md")
    )
    for text in (*readme_figures(summaries), *group_figures(summaries), search_figure()):
        assert text in readme, text
    for text in sealed_figures(summaries["sface-sealed"]["sealed"]):
        assert text in sealed_page, text


def search_figure() -> str:
    path = checkpoints_folder() / "quality" / "sface.json"
    found = json.loads(path.read_text())["identification"]["one_template"]["100"]
    return (
        f"{found['named']:.1%} of strangers are still given a name; at the threshold of a login it"
        f" would be {found['named_at_one_to_one']:.1%}"
    ).replace("%", " %")


def group_figures(summaries: dict) -> list[str]:
    """FMR of templates at the default threshold, within the group and among all test people."""
    texts = []
    for name in ("sface-bottleneck", "faces-bottleneck"):
        groups = summaries[name]["groups"]
        [row] = [row for row in groups["of"] if row["people"] == "all"]
        rates = [
            at["template"][kind]["rate"]
            for of, kind in ((row, "fmr_within"), (groups["overall"], "fmr"))
            for at in of["at"]
            if at["level"] == "1e-3"
        ]
        texts += [
            f"{rates[0]:.2%} of strangers of the same group",
            f"({rates[1]:.2%}",
        ]
    texts[2] = texts[2].removesuffix(" of strangers of the same group")
    return [text.replace("%", " %") for text in texts]


def readme_figures(summaries: dict) -> list[str]:
    u_net, concealing, bottleneck = (
        summaries[name] for name in ("faces", "faces-concealing", "sface-bottleneck")
    )
    sealed = summaries["sface-sealed"]["sealed"]
    thefts = [one["attacks"]["restoration"]["facenet"] for one in (u_net, concealing)]
    assert {theft["same_photo"]["accepted"] for theft in thefts} == {1000}
    others = [theft["another_photo"]["share"] for theft in thefts]
    found = [one["attacks"]["face_found"]["template"] for one in (u_net, concealing)]
    attacks = bottleneck["attacks"]
    restored = attacks["restoration"]["sface"]["same_photo"]
    assert (restored["accepted"], attacks["face_found"]["template"]) == (1, 0)
    painted = [attacks["template_inversion"][judge]["same_photo"] for judge in ("sface", "dlib")]
    sealed_restored = sealed["restoration"]["restoration"]["sface"]["same_photo"]
    assert all(one["inside"] for one in sealed["linkability"]["templates"].values())
    leaked = sealed["security"]["leaked"]
    assert sealed["security"]["one_key"]["128"]["share"] == 1
    login = bottleneck["verification"]["template"]["at_login_threshold"]
    return [
        f"{others[0]:.1%} and {others[1]:.1%} of 399".replace("%", " %"),
        f"{found[0]:.1%} and {found[1]:.1%} of 500".replace("%", " %"),
        f"squared distance of {bottleneck['embedding_error']['mean']:.3f} from",
        f"threshold is {login['threshold']:.3f}",
        f"{painted[0]['share']:.1%} of 1,000 cases, and dlib in {painted[1]['share']:.1%}".replace(
            "%", " %"
        ),
        f"{sealed_restored['accepted']} of 1,000 restored pictures",
        f"{leaked['share']:.2%} of {leaked['of']} templates".replace("%", " %"),
        f"{sealed['second_recogniser']['plain']['eer']:.2%} is".replace("%", " %"),
    ]


def sealed_figures(sealed: dict) -> list[str]:
    rates, security = sealed["verification"], sealed["security"]
    links = [
        [one["d_sys"] for one in sealed["linkability"][what].values()]
        for what in ("templates", "photo")
    ]
    restored, chance = (sealed["restoration"][what] for what in ("restoration", "chance"))
    accepted = [
        judged[judge]["same_photo"]["accepted"]
        for judged in (restored, chance)
        for judge in ("sface", "dlib")
    ]
    return [
        *("D_sys {:.4f}, {:.4f} and {:.4f}".format(*three) for three in links),
        f"D_sys {sealed['linkability']['control_photo']['network']['d_sys']:.4f}",
        "takes {} of 1,000 for the person, dlib {}; of the mean face {} and {}".format(*accepted),
        f"EER {rates['own_keys']['eer']:.2%}".replace("%", " %"),
        f"EER {rates['stolen_key']['eer']:.2%}".replace("%", " %"),
        f"{security['renewed']['accepted']} of {security['renewed']['of']:,} accepted",
        f"{security['replayed']['accepted']} of {security['replayed']['of']:,} accepted",
        f"{security['leaked']['accepted']} of {security['leaked']['of']} match",
        f"{security['one_key']['64']['accepted']:,} of {security['one_key']['64']['of']:,} other",
    ]
