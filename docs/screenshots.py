"""README's pictures, taken of the running page: python app.py, then in another shell: python
docs/screenshots.py [ADDRESS]

Wants Playwright and a Chromium. All faces in them are the public-domain portrait; all digits are
scikit-learn's.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ndcb.core.files import whole_file  # noqa: E402
from tests.browsing import BROWSER, CHROMIUM, WAIT, open_tab, wait_for_text  # noqa: E402

FOLDER = Path(__file__).resolve().parent
WIDTH = 1280
HEIGHTS = {"distort": 780, "embedding": 975, "login": 1215}


def distort(page: Page) -> None:
    page.wait_for_function("document.querySelector('#template img').naturalWidth > 0")


def embedding(page: Page) -> None:
    """The digits: no picture of a person of LFW is published here."""
    open_tab(page, "Embedding space")
    page.get_by_role("tab", name="Digits").click()
    page.wait_for_selector("#digits-plot .js-plotly-plot[data-hooked=yes]")
    page.wait_for_timeout(5000)  # the scene is drawn frame by frame


def login(page: Page) -> None:
    open_tab(page, "Login")
    page.locator("#login-samples button.thumbnail-item").nth(0).click()
    page.wait_for_selector("#login-photo img")
    page.fill("#login-name textarea, #login-name input", "Ann")
    page.click("#login-enrol")
    wait_for_text(page, "#login-verdict", "Enrolled: Ann")
    page.click("#login-verify")
    wait_for_text(page, "#login-verdict", "Accepted.")


def take(page: Page, act) -> None:
    act(page)
    page.wait_for_timeout(1000)
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHTS[act.__name__]}
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("RGB")
    with whole_file(FOLDER / f"{act.__name__}.png") as file:
        picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)


def main(address: str = "http://127.0.0.1:7860") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/?__theme=light")
        page.wait_for_selector("#verdict .verdict")
        for act in (distort, embedding, login):
            take(page, act)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
