"""Shared by all tests. LFW and MNIST are used where NDCB_DATA or ../shared/data has them; tests of the main path never need them."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NDCB_DATA") or ROOT.parent / "shared" / "data")


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
