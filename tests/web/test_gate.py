"""The page as a hostile visitor tries it: every event it has, with files, values and addresses
that are not the visitor's."""

import json
import math
import os
import uuid
from pathlib import Path

import gradio as gr
import httpx
import pytest

from ndcb.core.terms import DEFAULT_FACES, NotAvailable
from ndcb.faces import lfw
from ndcb.web import blocks, gate, messages, photo
from ndcb.web.private_files import NOT_YOURS
from training.benchmark.page import Page, Visitor

FILE_LIKE = {"image", "file", "imageeditor"}


@pytest.fixture
def visitor(served):
    return Visitor(served.address)


@pytest.fixture
def portrait(tmp_path, astronaut) -> Path:
    astronaut.save(tmp_path / "secret-portrait.png")
    return tmp_path / "secret-portrait.png"


def as_file(path) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def foreign_files(served, portrait: Path) -> list[dict]:
    """What a browser may claim to have given: (what it sends, whose file it is)."""
    other = Visitor(served.address)
    theirs = other.upload(portrait)
    other.ask(Page(served.address).endpoint("distort"), [theirs, DEFAULT_FACES])
    link = Path(theirs["path"]).with_name(f"{uuid.uuid4().hex}.png")
    link.symlink_to(portrait)
    up = f"{Path(theirs['path']).parent}/../../{portrait.name}"
    return [
        {"path": str(portrait)},
        as_file(portrait),
        as_file(up),
        as_file(link),
        as_file(f"file://{portrait}"),
        as_file("https://example.org/a.png"),
        {"path": theirs["path"]},
        theirs,
        as_file(served.folder),
        {"path": str(portrait), "url": "data:image/png;base64,AAAA"},
    ]


def with_value(page: Page, event: dict, place: int, value) -> list:
    return [
        value if number == place else page.components[one]["props"].get("value")
        for number, one in enumerate(event["inputs"])
    ]


def join(visitor: Visitor, event: dict, data: list, detail=None) -> httpx.Response:
    body = {
        "data": data,
        "fn_index": event["id"],
        "session_hash": visitor.session,
        "event_data": detail,
        "trigger_id": None,
    }
    return visitor.http.post("/queue/join", json=body)


def test_no_event_takes_a_file_that_is_not_the_visitors(served, page, visitor, portrait):
    """Every input of every event, private ones included."""
    claims, tried, kinds = foreign_files(served, portrait), 0, set()
    before = portrait.read_bytes(), {path: path.stat().st_mtime_ns for path in served.left()}
    for event in page.events:
        for place, component in enumerate(event["inputs"]):
            kinds.add(page.components[component]["type"])
            for claim in claims:
                for sent in (
                    claim,
                    [claim],
                    {"composite": claim, "background": None, "layers": [claim]},
                ):
                    answer = join(visitor, event, with_value(page, event, place, sent))
                    assert (answer.status_code, answer.json()) == (400, {"detail": NOT_YOURS}), (
                        event["api_name"],
                        sent,
                    )
                    tried += 1
    assert tried > 1000 and kinds >= FILE_LIKE
    assert before == (
        portrait.read_bytes(),
        {path: path.stat().st_mtime_ns for path in served.left()},
    )


def test_the_other_routes_take_none_either(served, page, visitor, portrait):
    [name] = {event["api_name"] for event in page.events if event["id"] == page.endpoint("distort")}
    live = next(
        number for number, one in page.components.items() if one["props"].get("elem_id") == "live"
    )
    for claim in foreign_files(served, portrait):
        asked = {
            f"/call/{name}": {"data": [claim, "faces"]},
            f"/run/{name}": {"data": [claim, "faces"], "session_hash": visitor.session},
            f"/call/v2/{name}": {"photo": claim, "generator": "faces"},
            "/component_server": {
                "data": {"frame": claim},
                "component_id": live,
                "fn_name": "distort_frame",
                "session_hash": visitor.session,
            },
        }
        for route, body in asked.items():
            answer = visitor.http.post(route, json=body)
            assert (answer.status_code, answer.json()) == (400, {"detail": NOT_YOURS}), route


@pytest.mark.parametrize(
    "payload", [gr.FileData(path="/etc/hostname"), gr.FileData(path="nowhere")]
)
def test_the_inputs_refuse_by_themselves(private_folder, payload):
    """Also where a request comes another way than through the gate."""
    as_image = gr.components.image.ImageData(path=payload.path)
    drawn = gr.components.image_editor.EditorData(background=None, layers=[], composite=payload)
    with gr.Blocks(analytics_enabled=False):
        inputs = [
            (photo.Photo("photo"), as_image),
            (photo.Photos(), gr.components.file.ListFiles(root=[payload])),
            (photo.Pad("pad"), drawn),
        ]
    for component, value in inputs:
        with pytest.raises(gr.Error, match=NOT_YOURS):
            component.preprocess(value)


def test_files_are_fetched_from_the_private_folder_alone(served, visitor, portrait):
    own = visitor.upload(portrait)
    assert visitor.http.get(f"/file={own['path']}").status_code == 200
    for path in (
        portrait,
        "/etc/hostname",
        "https://example.org/",
        f"{own['path']}/../../../{portrait.name}",
        served.folder,
        "",
    ):
        answer = visitor.http.get(f"/file={path}")
        assert answer.status_code == 400 and answer.json() == {"detail": NOT_YOURS}, path


def test_equal_photos_of_two_visitors_are_two_files(served, visitor, portrait):
    other = Visitor(served.address)
    mine, theirs = visitor.upload(portrait)["path"], other.upload(portrait)["path"]
    assert mine != theirs and Path(mine).parent != Path(theirs).parent


def test_a_visitor_deletes_nothing_but_the_own(served, page, visitor, portrait):
    """The portrait is given and deleted again on each tab; another visitor's, and the page's own,
    stay."""
    other = Visitor(served.address)
    theirs = other.upload(portrait)["path"]
    for tab, photo_id, forget_id in (
        ("distort", "photo", "forget"),
        ("compare", "compare-photo-A", "compare-forget"),
        ("login", "login-photo", "login-forget"),
    ):
        mine = visitor.upload(portrait)
        for elem_id, kind in ((photo_id, "input"), (forget_id, "click")):
            event = next(one for one in page.events if one["id"] == page.event(elem_id, kind))
            data = [
                (
                    mine
                    if page.components[place]["props"].get("elem_id") == photo_id
                    else (
                        []
                        if page.components[place]["type"] == "file"
                        else page.components[place]["props"].get("value")
                    )
                )
                for place in event["inputs"]
            ]
            visitor.ask(event["id"], data)
        assert not os.path.exists(mine["path"]), tab
    assert (
        os.path.exists(theirs) and portrait.exists() and all(path.exists() for path in served.own)
    )


# values


NASTY = [
    None,
    -1,
    1e308,
    math.nan,
    "x" * 100_000,
    "../../etc/passwd",
    "\0\ud800",
    [],
    {"a": {"b": 1}},
    True,
    ["faces"],
    {"__type__": "update"},
]
DETAILS = [
    {"index": index, "value": None} for index in (-1, 10**9, None, "0", 1.5, [0, 0], {}, True)
] + [None, "x", []]


@pytest.mark.slow
def test_no_value_of_a_browser_breaks_anything(served, page, monkeypatch, tmp_path, capfd):
    """Each input of each event gets each value; the answer is a result or a sentence, and the log
    has no traceback."""
    monkeypatch.setenv("NDCB_DATA", str(tmp_path))
    monkeypatch.setattr(lfw, "_fetch", not_there)
    tried = 0
    for event in page.events:
        if any(kind == "unload" for _, kind in event["targets"]):
            continue
        visitor = Visitor(served.address)
        visitor.begin(page)
        for place, component in enumerate(event["inputs"]):
            if page.components[component]["type"] != "state":
                for value in NASTY:
                    answered(visitor, event, with_value(page, event, place, value))
                    tried += 1
        if any(kind == "select" for _, kind in event["targets"]):
            for detail in DETAILS:
                answered(visitor, event, with_value(page, event, -1, None), detail)
                tried += 1
    log = capfd.readouterr()
    summary = served.blocks._queue.cached_event_analytics_summary
    assert summary == {"functions": {}}, "Gradio sums up all its events after each one again"
    assert tried > 800 and "Traceback" not in log.out + log.err, (log.out + log.err)[-3000:]


def not_there(root: Path) -> None:
    raise NotAvailable("LFW is not there")


def answered(visitor: Visitor, event: dict, data: list, detail=None) -> None:
    body = {
        "data": data,
        "fn_index": event["id"],
        "session_hash": visitor.session,
        "event_data": detail,
        "trigger_id": None,
    }
    answer = visitor.http.post(
        "/queue/join", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    if answer.status_code != 200:
        assert answer.status_code in (400, 413, 422), (event["api_name"], data, answer.text)
        return
    with visitor.http.stream(
        "GET", "/queue/data", params={"session_hash": visitor.session}, timeout=60
    ) as stream:
        told = [
            json.loads(line.removeprefix("data:"))
            for line in stream.iter_lines()
            if line.startswith("data:")
        ]
    done = next(message for message in told if message["msg"] == "process_completed")
    assert done["success"] or done["output"]["error"], (event["api_name"], data, done)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"data": [], "fn_index": 10000, "session_hash": "a"}',
        b'{"fn_index": "x"}',
        b'{"data": 7, "fn_index": 2, "session_hash": "a"}',
        b'{"data": [], "fn_index": -1}',
    ],
)
def test_messages_of_the_wrong_shape_are_refused(visitor, body, capfd):
    for route in (
        "/queue/join",
        "/run/predict",
        "/call/distort",
        "/component_server",
        "/cancel",
        "/reset",
    ):
        answer = visitor.http.post(
            route, content=body, headers={"Content-Type": "application/json"}
        )
        assert 200 <= answer.status_code < 500, (route, answer.status_code)
    assert "Traceback" not in capfd.readouterr().err


def test_a_message_in_the_dress_of_a_form_is_read_all_the_same(page, visitor, portrait):
    event = next(one for one in page.events if one["id"] == page.endpoint("distort"))
    body = {
        "data": [{"path": str(portrait)}, "faces"],
        "fn_index": event["id"],
        "session_hash": visitor.session,
    }
    kinds = ("multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencoded")
    for kind in kinds:
        for route in ("/queue/join", "/run/predict", "/call/distort"):
            headers = {"Content-Type": kind}
            answer = visitor.http.post(route, content=json.dumps(body), headers=headers)
            assert (answer.status_code, answer.json()) == (400, {"detail": NOT_YOURS}), route


def test_a_message_that_is_too_long_is_refused(visitor):
    answer = visitor.http.post("/queue/join", content=b"x" * (messages.MOST_BYTES + 1))
    assert answer.status_code == 413 and answer.json() == {"detail": messages.TOO_LONG}


def test_routes_that_the_page_does_not_use_are_shut(served, visitor):
    assert (
        visitor.http.get("/info").status_code
        == visitor.http.get("/startup-events").status_code
        == 200
    )
    for method, route in (
        ("GET", "/deep_link?session_hash=a"),
        ("GET", "/proxy=https://example.org"),
        ("POST", "/process_recording"),
        ("POST", "/vibe-edit"),
        ("GET", "/dev/reload"),
        ("GET", "/custom_component/a/b/c/d"),
        ("GET", "/runs"),
        ("POST", "/stream/a"),
        ("GET", "/file/etc/passwd"),
        ("POST", "/api/distort"),
        ("GET", "/token"),
    ):
        answer = visitor.http.request(method, route)
        assert answer.status_code == 404 and answer.json() == {"detail": gate.SHUT}, route
    assert httpx.get(f"{served.address}?deep_link=x").status_code == 404
    assert httpx.post(f"{served.address}login").status_code == 404


# other web pages


def ask_from(served, **headers) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"data": [None, "faces"], "fn_index": 0, "session_hash": "x"}
    got = httpx.get(f"{served.address}config", headers=names).status_code
    sent = httpx.post(
        f"{served.address}gradio_api/queue/join",
        json=body,
        headers=names | {"Content-Type": "text/plain"},
    ).status_code
    assert (got == 403) == (sent == 403)
    return got


def test_another_web_page_cannot_use_this_one(served):
    """Gradio's own check only withholds the answer from the foreign page; the request is done all
    the same."""
    port = served.address.rstrip("/").rsplit(":", 1)[1]
    assert (
        ask_from(served)
        == ask_from(served, origin=f"http://127.0.0.1:{port}")
        == ask_from(served, origin=f"http://localhost:{port}")
        == 200
    )
    for origin in (
        "http://evil.example",
        "https://127.0.0.1.evil.example",
        "null",
        f"http://127.0.0.1:{int(port) + 1}",
        "file://",
        "x",
        "http://[",
    ):
        assert ask_from(served, origin=origin) in (400, 403), origin
    assert (
        ask_from(served, host="evil.example")
        == ask_from(served, host="evil.example", origin="http://evil.example")
        == 403
    )


def test_a_proxy_passes_its_host_on(served, monkeypatch):
    forwarded = {
        "origin": "https://faces.example",
        "host": "127.0.0.1",
        "x_forwarded_host": "faces.example",
    }
    assert ask_from(served, **forwarded) == 200
    own = {"origin": "https://faces.example", "host": "faces.example"}
    assert ask_from(served, **own) == 403
    monkeypatch.setenv("NDCB_HOSTS", "faces.example")
    assert ask_from(served, **own) == 200 and ask_from(served, host="evil.example") == 403


def test_where_the_page_is_served_to_others_any_host_may_be_its_name(served, monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert ask_from(served, host="faces.example", origin="https://faces.example") == 200
    assert ask_from(served, host="faces.example", origin="https://evil.example") == 403


# memory


def test_sessions_without_a_visit_are_forgotten(served, page):
    """Each call of an endpoint is a session of its own, of half a megabyte."""
    holder = served.blocks.state_holder
    with httpx.Client(base_url=served.address, timeout=60) as client:
        for _ in range(3 * blocks.EMPTY_SESSIONS):
            event = client.post(
                "gradio_api/call/distort", json={"data": [None, DEFAULT_FACES]}
            ).json()["event_id"]
            assert "not a picture" in client.get(f"gradio_api/call/distort/{event}").text
            assert (
                len(
                    [
                        one
                        for one in holder.session_data.values()
                        if not any(one.state_data.values())
                    ]
                )
                <= blocks.EMPTY_SESSIONS + 1
            )
    assert len(holder.time_last_used) == len(holder.session_data)


def test_a_visit_stays_where_others_call_the_endpoints(served, page):
    visitor = Visitor(served.address)
    visitor.begin(page)
    guests = [Visitor(served.address) for _ in range(blocks.EMPTY_SESSIONS + 5)]
    for guest in guests:
        join(
            guest,
            next(one for one in page.events if one["id"] == page.endpoint("distort")),
            [None, DEFAULT_FACES],
        )
    assert any(served.blocks.state_holder.session_data[visitor.session].state_data.values())


def test_drawings_that_nobody_reads_are_bounded(served, page, visitor):
    pad = next(number for number, one in page.components.items() if one["type"] == "imageeditor")
    for number in range(photo.DRAWINGS + 20):
        form = {
            "type": "composite",
            "index": "",
            "id": str(number),
            "component_id": str(pad),
            "session_hash": visitor.session,
            "fn_name": "accept_blobs",
        }
        answer = visitor.http.post(
            "/component_server", data=form, files={"file": ("a.png", b"x" * 100)}
        )
        assert answer.status_code == 200, answer.text
    form |= {"type": "layer", "index": str(10**9), "id": "bomb"}
    visitor.http.post("/component_server", data=form, files={"file": ("a.png", b"x")})
    visitor.http.post(
        "/component_server",
        data=form | {"type": "composite", "id": "huge"},
        files={"file": ("a.png", b"x" * (photo.LARGEST_DRAWING + 1))},
    )
    stored = served.blocks.blocks[pad].blob_storage
    assert len(stored) == photo.DRAWINGS and not {"bomb", "huge", "0"} & stored.keys()
    stored.clear()
