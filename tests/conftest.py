"""Shared by all tests. LFW and MNIST are used where NDCB_DATA or ../shared/data has them; tests of
the main path never need them.
"""

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.hermetic import sitecustomize as guard

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NDCB_DATA") or ROOT.parent / "shared" / "data")


def pytest_configure(config) -> None:
    """Give the whole run, and what it starts, a home of its own, and guard it.

    Before any test module is imported, as some libraries read their folders then. What the tests
    share, such as aligned faces, is computed once a run, in its own cache. With several workers
    each has its own; the process that hands out the tests runs none.
    """
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        return
    home = Path(tempfile.mkdtemp(prefix="ndcb-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    (home / "gradio").mkdir()
    paths = [str(ROOT / "tests" / "hermetic"), os.environ.get("PYTHONPATH")]
    os.environ |= {
        "HOME": str(home),
        "NDCB_CACHE": str(home / "cache"),
        "NDCB_DATA": str(DATA),
        "GRADIO_TEMP_DIR": str(home / "gradio"),
        "HF_HUB_DISABLE_TELEMETRY": "1",  # of gradio's client, which cannot be told otherwise
        "OMP_NUM_THREADS": "1",  # a worker a core; also in what the tests start
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        guard.REPORT: str(home / "refused.txt"),
    }
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TORCH_HOME", "HF_HOME"):
        os.environ.pop(name, None)
    guard.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with most slow tests come first, so that no worker is left alone with one."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def hermetic() -> Iterator[None]:
    """Fail a test that wrote outside its folders or called another machine, itself or a child."""
    report = Path(os.environ[guard.REPORT])
    yield
    if report.exists():
        refused = report.read_text()
        report.unlink()
        pytest.fail(refused)


def pytest_terminal_summary(terminalreporter) -> None:
    """What was skipped, and what to install so that it is not."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}", yellow=True)


@pytest.fixture(scope="session")
def lfw_root() -> Path:
    if not (DATA / "lfw_home" / "lfw_funneled").is_dir():
        pytest.skip("LFW is not there: set NDCB_DATA to the folder that holds lfw_home/")
    return DATA


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    if not (DATA / "MNIST" / "raw").is_dir():
        pytest.skip("MNIST is not there: set NDCB_DATA to the folder that holds MNIST/")
    return DATA


@pytest.fixture(scope="session")
def astronaut():
    """The bundled portrait (NASA, public domain), 512x512 RGB."""
    import skimage.data
    from PIL import Image

    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def models():
    """The real ones, loaded once for all tests."""
    from ndcb.models.pipeline import Models

    return Models()


@pytest.fixture
def levels(models, monkeypatch):
    """Gives a generator's record other thresholds: of each FMR, as a record writes them."""

    def give(generator: str, thresholds: dict[str, float]) -> None:
        record = models.distorter(generator).generator.record
        monkeypatch.setitem(record, "thresholds", thresholds)

    return give


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> dict[str, str]:
    """Files of a portrait, the same mirrored, twice in one picture, a second hand's digits 3 and 8,
    and a picture without a face.
    """
    from PIL import Image

    from ndcb.faces import samples
    from ndcb.web.demonstration import sample_pictures
    from tests import odd_files

    folder = tmp_path_factory.mktemp("photos")
    portrait, digits = (
        samples.portrait(),
        [picture for picture, _, generator in sample_pictures() if generator == "digits"],
    )
    pictures = {
        "portrait": portrait,
        "mirrored": portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "3": digits[3],
        "8": digits[8],
        "nothing": Image.new("RGB", (300, 300), (90, 140, 90)),
    }
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    odd_files.write_all(portrait, folder, {"two_faces.jpg": odd_files.WITH_FACES["two_faces.jpg"]})
    return {name: str(folder / f"{name}.png") for name in pictures} | {
        "two": str(folder / "two_faces.jpg")
    }


@pytest.fixture
def visit(models):
    """A vault in memory, opened for one visitor."""
    from ndcb.web import session

    visit = session.open_visit(models)
    yield visit
    session.close(visit)


@pytest.fixture(scope="module")
def served(models, tmp_path_factory):
    """The whole page, as it is served, with its models loaded."""
    import app
    from ndcb.core.terms import DEFAULT_FACES
    from tests import browsing

    with browsing.served(tmp_path_factory.mktemp("gradio"), lambda: app.build(models)) as page:
        models.warm_up([DEFAULT_FACES, "digits"])
        yield page


@pytest.fixture(scope="module")
def page(served):
    """What that page tells a browser of itself."""
    from training.benchmark.page import Page

    return Page(served.address)


@pytest.fixture
def private_folder(tmp_path, monkeypatch) -> Path:
    """A private folder of the page, of this test alone."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, one a module: Playwright allows one at a time."""
    from tests.browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def camera(tmp_path_factory) -> Path:
    """The film of a camera in front of which the portrait hangs."""
    from tests.browsing import film

    return film(tmp_path_factory.mktemp("camera") / "film.mjpeg")


@pytest.fixture
def the_same_keys(monkeypatch):
    """Two independent templates look alike to FaceNet by chance, three times in a hundred; with
    these salts they do not.
    """
    from ndcb.vault import seals  # slow to import

    chooser = random.Random(0)
    fixed = SimpleNamespace(
        token_bytes=chooser.randbytes, token_hex=lambda count: chooser.randbytes(count).hex()
    )
    monkeypatch.setattr(seals, "secrets", fixed)
