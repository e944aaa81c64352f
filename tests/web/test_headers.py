"""The security headers: on every kind of answer, on a laptop and on a Space; and a real browser
that follows them.
"""

import contextlib
import http.server
import threading

import httpx
import pytest

import app
from ndcb.web import headers
from ndcb.web.page import TABS
from tests import browsing
from training.benchmark.page import Page, Visitor, photographs

REFUSED = (
    "Content Security Policy",
    "Permissions-Policy",
    "Permissions policy",
    "Refused to",
    "Cross-Origin-Opener-Policy",
)
"""A browser's words for what a header forbade or what it did not understand in one."""


@pytest.fixture
def laptop(models, tmp_path_factory):
    """One page at a time: Gradio's cache folder is the process's, not the page's."""
    with browsing.served(tmp_path_factory.mktemp("laptop"), lambda: app.build(models)) as page:
        yield page


@pytest.fixture
def space(models, tmp_path_factory):
    """The page as on a Space, where Gradio too behaves in its own way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPACE_ID", "someone/ndcb")
        with browsing.served(tmp_path_factory.mktemp("space"), lambda: app.build(models)) as page:
            yield page


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    parts = (part.split() for part in answer.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize(
    "place, framed_by",
    [("laptop", ["'self'"]), ("space", ["'self'", "https://huggingface.co", "https://*.hf.space"])],
)
def test_every_answer_has_the_headers(request, place, framed_by, tmp_path):
    address = request.getfixturevalue(place).address
    page, visitor = Page(address), Visitor(address)
    get = visitor.http.get
    script = next(
        line.split('src="./')[1].split('"')[0]
        for line in get(address).text.splitlines()
        if 'src="./assets' in line
    )
    [photo] = photographs(1, tmp_path)
    uploaded = visitor.upload(photo)["path"]
    joined = visitor.http.post(
        "/queue/join",
        json={
            "data": [None, "faces"],
            "fn_index": page.endpoint("distort"),
            "session_hash": visitor.session,
        },
    )
    for answer in (
        get(address),
        get(f"{address}{script}"),
        get(f"{address}config"),
        get(f"{address}nowhere"),
        get("/info"),
        get(f"/file={uploaded}"),
        joined,
        get("/queue/data", params={"session_hash": visitor.session}),
    ):
        found = policy(answer)
        assert found["frame-ancestors"] == framed_by, answer.url
        assert (
            found["default-src"] == ["'self'"]
            and found["object-src"] == ["'none'"]
            and found["base-uri"] == ["'self'"]
        )
        assert not any(
            "http" in source
            for name, sources in found.items()
            for source in sources
            if name != "frame-ancestors"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert {"camera=(self)", "microphone=()"} <= set(
            answer.headers["permissions-policy"].split(", ")
        )
    assert joined.status_code == 200 and answer.headers["content-type"].startswith(
        "text/event-stream"
    )


def test_events_are_passed_on_as_they_come():
    """The second one is sent only when the first has arrived: a middleware that collects the answer
    would wait for ever.
    """
    sent = []

    async def two_events(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        assert sent[-1]["body"] == b"one"
        await send({"type": "http.response.body", "body": b"two"})

    async def send(message):
        sent.append(message)

    with contextlib.suppress(StopIteration):
        headers.Headers(two_events)({"type": "http"}, None, send).send(None)
    assert [message.get("body") for message in sent] == [None, b"one", b"two"]
    assert dict(sent[0]["headers"])[b"x-content-type-options"] == b"nosniff"


@pytest.fixture
def elsewhere():
    """A server of another origin, whose only page shows an address in a frame that may use the
    camera.
    """
    shown = []

    class Framing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                f'<iframe src="{shown[0]}" allow="camera" width=1000 height=800></iframe>'.encode()
            )

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Framing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}", shown
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_on_a_laptop_nobody_else_may_frame_it(laptop, elsewhere, browser):
    address, shown = elsewhere
    shown.append(laptop.address)
    window, said = browser.new_page(), []
    window.on("console", lambda message: said.append(message.text))
    window.goto(address)
    wait_until(window, lambda: any("frame-ancestors" in text for text in said))
    assert window.frames[1].query_selector("gradio-app") is None
    window.close()


def wait_until(window, there) -> None:
    for _ in range(browsing.WAIT // 100):
        if there():
            return
        window.wait_for_timeout(100)
    pytest.fail("it did not happen")


@pytest.mark.slow
def test_on_a_space_hugging_face_may_frame_it_and_give_the_camera(space, browser):
    """The browser is told that huggingface.co is a page with a frame; nothing is fetched from
    there.
    """
    context = browser.new_context()
    frame = (
        f'<iframe src="{space.address}" allow="camera; microphone" width=1000 height=800></iframe>'
    )
    context.route(
        "https://huggingface.co/**",
        lambda route: route.fulfill(body=frame, content_type="text/html"),
    )
    context.route(
        "https://example.org/**", lambda route: route.fulfill(body=frame, content_type="text/html")
    )
    window = context.new_page()
    window.goto("https://huggingface.co/spaces/someone/ndcb")
    inside = window.frame_locator("iframe")
    inside.locator("#verdict .verdict").wait_for(timeout=browsing.WAIT)
    assert window.frames[1].evaluate(
        "['camera', 'microphone'].map(name => document.featurePolicy.allowsFeature(name))"
    ) == [True, False]
    said = []
    window.on("console", lambda message: said.append(message.text))
    window.goto("https://example.org/")
    wait_until(window, lambda: any("frame-ancestors" in text for text in said))
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["laptop", "space"])
def test_no_tab_needs_what_is_forbidden(request, place, browser, camera):
    """Every tab is opened and a photo taken with the camera; the browser has nothing to complain
    of, and no other host is asked.
    """
    page = request.getfixturevalue(place)
    with browsing.with_camera(browser, camera) as window:
        said, asked = [], set()
        window.on("console", lambda message: said.append(message.text))
        window.on("request", lambda sent: asked.add(sent.url))
        browsing.opened(window, page)
        for name in TABS:
            browsing.open_tab(window, name)
            window.wait_for_timeout(
                1000
            )  # the page's heartbeat never ends, so there is no idle network to wait for
        window.wait_for_selector(".js-plotly-plot", state="attached")
        browsing.open_tab(window, next(iter(TABS)))
        browsing.ask_for_the_camera(window, "#photo")
        window.click("#photo button[aria-label='capture photo']")
        window.wait_for_function(
            "!document.querySelector('#verdict').innerText.includes('This is the sample')"
        )
    assert [text for text in said if any(words in text for words in REFUSED)] == []
    assert [url for url in asked if not url.startswith((page.address, "data:", "blob:"))] == []


def test_a_forbidden_thing_would_be_noticed(laptop, browser):
    """So that the test above cannot pass because a browser keeps silent."""
    window, said = browser.new_page(), []
    window.on("console", lambda message: said.append(message.text))
    window.goto(laptop.address)
    window.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src:"
        " 'https://example.org/a.png'}))"
    )
    wait_until(window, lambda: any(words in text for text in said for words in REFUSED))
    window.close()
