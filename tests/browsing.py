"""What the tests of the page have in common: a page that is served, a browser on it, and what is
waited for. Fixtures: conftest.py.
"""

import importlib.util
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import app
from ndcb.faces import samples
from ndcb.web import private_files
from training.benchmark.served import free_port

CHROMIUM = next(
    filter(
        None,
        map(
            shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        ),
    ),
    None,
)
NO_CHROMIUM = (
    "No Chromium is installed; install it (Debian: apt-get install chromium) to run the browser"
    " tests"
)
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--disable-features=LocalNetworkAccessChecks",
]
"""No other machine is called. A test frames this machine's page in one of another host, which
Chromium would refuse by the feature that is switched off."""
WAIT = 120_000
"""Milliseconds that anything on a page may take on a busy machine."""


@dataclass(frozen=True)
class Served:
    """A page as it is served."""

    address: str
    folder: Path
    """Gradio's cache."""
    own: set[Path]
    """The files that were in it before the first visitor."""
    blocks: gr.Blocks

    def left(self) -> set[Path]:
        """What visitors left in the cache."""
        return private_files.files(self.folder) - self.own

    def names(self) -> set[str]:
        return {path.name for path in private_files.files(self.folder)}


@contextmanager
def served(
    root: Path, build: Callable[[], gr.Blocks], sweep: dict | None = None
) -> Iterator[Served]:
    """Serve what `build` lays out, with its cache under `root`. sweep: how
    `private_files.keep_sweeping` cleans up meanwhile, where it does.
    """
    root.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(root))
        folder = private_files.private_folder()
        blocks = build()
        own = private_files.set_own(folder)
        if sweep:
            private_files.keep_sweeping(folder, **sweep)
        _, address, _ = blocks.launch(
            **app.LAUNCH, server_port=free_port(), prevent_thread_lock=True, quiet=True
        )
        yield Served(address, folder, own, blocks)
        blocks.close()


def alone(name: str, tab, models) -> gr.Blocks:
    """A page with one tab."""
    with gr.Blocks(analytics_enabled=False) as blocks, gr.Tab(name):
        tab.build(models)
    return blocks


@contextmanager
def chromium(*options: str):
    """The system's Chromium, without a screen. Skips the test where it is not there."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed; run: make setup")
    if not CHROMIUM:
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*BROWSER, *options])
        yield browser
        browser.close()


def film(path: Path, picture: Image.Image | None = None) -> Path:
    """What a camera films: the bundled portrait or another picture, still, 640x480."""
    frame = Image.new("RGB", (640, 480), (80, 90, 100))
    frame.paste((picture or samples.portrait()).resize((480, 480)), (80, 0))
    file = io.BytesIO()
    frame.save(file, "JPEG", quality=92)
    path.write_bytes(file.getvalue() * 60)
    return path


@contextmanager
def with_camera(browser, film: Path, allowed: bool = True):
    """A window of another browser whose camera shows the film; asked for the camera, its owner says
    yes or no.
    """
    yes = "--use-fake-ui-for-media-stream" if allowed else "--deny-permission-prompts"
    options = [
        *BROWSER,
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        yes,
    ]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=options)
    yield other.new_context(permissions=["camera"] if allowed else []).new_page()
    other.close()


def opened(window, page: Served, query: str = ""):
    """The window, with the page's first tab on it."""
    window.set_default_timeout(WAIT)
    window.goto(page.address + query)
    window.wait_for_selector("#verdict .verdict")
    return window


CAMERA = (
    "navigator.mediaDevices.getUserMedia({video: true}).then(() => 'allowed', error => error.name)"
)
"""What the browser says to a page that asks for the camera."""


def ask_for_the_camera(window, photo: str) -> None:
    """Click from a picture input's upload to its camera."""
    window.click(f"{photo} button[aria-label='Capture from camera']")
    window.get_by_role("button", name="Access Webcam").click()


def wait_for_text(window, selector: str, text: str) -> None:
    window.wait_for_function(
        "([s, t]) => document.querySelector(s)?.innerText.includes(t)",
        arg=[selector, text],
        timeout=WAIT,
    )


def wait_for_picture(window, selector: str, width: int) -> None:
    """Until the picture is there, and is that wide."""
    window.wait_for_function(
        "([s, w]) => document.querySelector(s)?.naturalWidth == w",
        arg=[selector, width],
        timeout=WAIT,
    )


def open_tab(window, name: str) -> None:
    """Also where a narrow page keeps it behind the three dots."""
    window.get_by_role("tab").first.wait_for()
    window.wait_for_timeout(500)  # only then does the page know which tabs have room
    tab = window.get_by_role("tab", name=name, exact=True).first
    if not tab.is_visible():
        window.locator(".overflow-menu > button").first.click()
        tab = window.locator(".overflow-dropdown button", has_text=name).first
    tab.click()


def fits(window) -> bool:
    """Nothing has to be scrolled sideways."""
    return window.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def screenshot(window, path: Path) -> Image.Image:
    """The whole page, which must show something: many colours, and more than words on one
    ground.
    """
    window.screenshot(path=path, full_page=True)
    picture = Image.open(path).convert("RGB")
    colours = picture.getcolors(2**24)
    most = max(count for count, _ in colours)
    assert len(colours) > 200 and most < 0.97 * picture.width * picture.height, (
        f"{path.name} is nearly blank"
    )
    assert np.asarray(picture.convert("L"), float).std() > 10
    return picture
