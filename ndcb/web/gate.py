"""Which requests of a browser are answered, and which files they may name.

Gradio checks a path only where the browser says that it is a file. So every request is read here
first: each path in it becomes a file that its sender gave (`ndcb.web.private_files.admit`), or the
request is refused with one sentence. Routes that the page does not use are shut. A web page
elsewhere can post to a page on its visitor's own machine, so requests that come from there are
refused, too.
"""

import json
import math
import os
import secrets
from urllib.parse import SplitResult, urlsplit

import gradio as gr
from gradio import route_utils
from gradio.state_holder import StateHolder
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from ndcb.core.terms import UserError
from ndcb.web.private_files import NotYours, admit

API = "/gradio_api/"
OPEN = (
    "app_id",
    "call/",
    "cancel",
    "component_server",
    "file=",
    "heartbeat/",
    "info",
    "openapi.json",
    "queue/data",
    "queue/join",
    "queue/status",
    "reset",
    "run/",
    "startup-events",
    "theme.css",
    "upload",
    "user",
)
"""The routes under `API` that the page needs, by their beginnings. Others fetch from other hosts,
run programs or write states."""
MOST_BYTES = 8 * 2**20
"""Of a request that is no upload. A frame of the camera takes a tenth of it."""
EMPTY_SESSIONS = 32
"""Sessions without a visit that are kept, so that those at work now are among them."""
MOST_VISITS = 500
"""Visitors who are remembered at once; for one more the visit that rested longest ends."""
HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}
"""Names of the machine itself."""

NOT_UNDERSTOOD = "This request was not understood. Load the page anew and try again."
TOO_LONG = "This request is too long. Load the page anew and try again."
SHUT = "There is nothing here."
ELSEWHERE = (
    "This page only answers requests that come from itself. Open it by its own address. Where a "
    "proxy stands before it, let the proxy pass on the header Host, and name that host in "
    "NDCB_HOSTS."
)


class Refused(UserError):
    """A request that is not answered, and the HTTP status that says so."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Unguessable(route_utils.GradioUploadFile):
    """An upload in a folder of a random name.

    Gradio's is a hash of the bytes: two visitors with the same picture would share the file.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.sha.update(secrets.token_bytes(32))


route_utils.GradioUploadFile = Unguessable


class Gate:
    """ASGI: what is refused never reaches Gradio."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            check_host(Headers(scope=scope))
            check_route(scope)
            if is_message(scope):
                body = await read_body(receive)
                page = scope["app"].get_blocks()
                receive = replay(body if is_form(scope) else checked(body, page), receive)
                forget_empty_sessions(page.state_holder)
        except NotYours as error:
            return await JSONResponse({"detail": str(error)}, 400)(scope, receive, send)
        except Refused as error:
            return await JSONResponse({"detail": str(error)}, error.status)(scope, receive, send)
        await self.app(scope, receive, send)


class Page(gr.Blocks):
    """A page that answers values of the wrong shape with one sentence, and logs no traceback."""

    async def preprocess_data(self, block_fn, *given, **options) -> list:
        try:
            values = await super().preprocess_data(block_fn, *given, **options)
        except Exception as error:
            is_own = isinstance(error, gr.Error) and not error.print_exception
            # what Gradio says itself repeats what was sent
            raise (error if is_own else _not_understood()) from None
        values = [
            _filled(component, value)
            for component, value in zip(block_fn.inputs, values, strict=True)
        ]
        if not all(map(_is_usable, block_fn.inputs, values)):
            raise _not_understood()
        return values


def _filled(component: gr.components.Component, value):
    """A text field that was never on screen is empty."""
    return "" if value is None and isinstance(component, gr.Textbox) else value


def _not_understood() -> gr.Error:
    return gr.Error(NOT_UNDERSTOOD, print_exception=False)


def _is_usable(component: gr.components.Component, value) -> bool:
    """Gradio lets None, NaN, and a list in place of a choice through."""
    if isinstance(component, gr.Slider):
        return isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(component, (gr.Radio, gr.Dropdown, gr.Textbox)):
        return isinstance(value, str)
    return value is not None or not isinstance(component, gr.CheckboxGroup)


def forget_empty_sessions(holder: StateHolder) -> None:
    """Keep a few of the sessions that have no visit.

    Gradio keeps half a megabyte of each of 10,000, and each call of an endpoint is one.
    """
    sessions = list(holder.session_data.items())
    empty = [name for name, session in sessions if not any(session.state_data.values())]
    for name in empty[:-EMPTY_SESSIONS]:
        holder.session_data.pop(name, None)
        holder.time_last_used.pop(name, None)


# where it comes from


def check_host(headers: Headers) -> None:
    """Raises Refused: another web page sends it, or gives this machine a name of its own.

    The latter is DNS rebinding.
    """
    hosts = [headers.get("host", ""), headers.get("x-forwarded-host", "")]
    if listens_to_itself() and _parts(f"//{hosts[0]}").hostname not in HERE | _trusted():
        raise Refused(403, ELSEWHERE)
    origin = headers.get("origin")
    if origin is None or _parts(origin).hostname in _trusted():
        return
    if not any(_same_place(_parts(origin), _parts(f"//{host}")) for host in hosts):
        raise Refused(403, ELSEWHERE)


def listens_to_itself() -> bool:
    """Is the page served to its own machine alone?"""
    name = os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    return name in HERE - {"0.0.0.0"} and not os.environ.get("SPACE_ID")


def _trusted() -> set[str]:
    """Hosts that the page's owner names, such as that of a proxy before it."""
    return set(filter(None, os.environ.get("NDCB_HOSTS", "").split(",")))


def _parts(address: str) -> SplitResult:
    """Raises Refused: no address."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  it is read when it is asked for, and may be no number
        return parts
    except ValueError:
        raise Refused(400, NOT_UNDERSTOOD) from None


def _same_place(there: SplitResult, here: SplitResult) -> bool:
    """Another port of this machine is another place: another program listens there."""
    if there.hostname in HERE:
        return here.hostname in HERE and (there.port or 80) == (here.port or 80)
    return there.hostname is not None and there.hostname == here.hostname


# what it asks for


def check_route(scope) -> None:
    """Raises Refused: a route that the page does not use; NotYours: a file of another folder."""
    path, query = scope["path"], scope.get("query_string", b"")
    if b"deep_link" in query:  # would read a visit that was written to the disk
        raise Refused(404, SHUT)
    if API not in path:
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(404, SHUT)
        return
    route = path.split(API, 1)[1]
    if not route.startswith(OPEN):
        raise Refused(404, SHUT)
    if route.startswith("file="):
        admit(route.removeprefix("file="))


def is_form(scope) -> bool:
    """A drawing comes as a form, whose fields are text and bytes and never paths."""
    if not scope["path"].endswith(f"{API}component_server"):
        return False
    return Headers(scope=scope).get("content-type", "").startswith("multipart/form-data")


def is_message(scope) -> bool:
    """Has it a body in which paths may be? An upload has none: Gradio names its files itself."""
    return scope["method"] == "POST" and not scope["path"].split(API, 1)[-1].startswith("upload")


# what is in it


async def read_body(receive) -> bytes:
    """Raises Refused: too long."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(413, TOO_LONG)
        if not message.get("more_body"):
            return b"".join(parts)


def replay(body: bytes, receive):
    """The body once more, then whatever the client says later, such as that it is gone."""
    told = False

    async def again():
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def checked(body: bytes, page: gr.Blocks) -> bytes:
    """The message, with real paths in place of those that were sent.

    Raises NotYours; Refused: no JSON object, or about an event or a component that the page does
    not have.
    """
    try:
        message = json.loads(body or b"{}")
        if not isinstance(message, dict):
            raise ValueError
        _check_number(message.get("fn_index"), page.fns)
        _check_number(message.get("component_id"), page.blocks)
        _open_paths(message)
        _complete_detail(message)
        return json.dumps(message).encode()
    except (ValueError, RecursionError):
        raise Refused(400, NOT_UNDERSTOOD) from None


def _check_number(number, known) -> None:
    if number is not None and (type(number) is not int or number not in known):
        raise ValueError


def _complete_detail(message: dict) -> None:
    """Give what was clicked an index and a value: Gradio reads both without a look."""
    if "event_data" in message:
        sent = message["event_data"]
        known = sent if isinstance(sent, dict) else {}
        message["event_data"] = {"index": None, "value": None} | known


def _open_paths(message: dict) -> None:
    """Without a session's name the files are this one message's."""
    session = message.get("session_hash")
    session = session if isinstance(session, str) and session else secrets.token_hex(16)
    for found in dictionaries(message):
        if found.get("path") is not None:
            found["path"] = admit(found["path"], session)
        if not str(found.get("url")).startswith("data:"):
            found.pop("url", None)


def dictionaries(value):
    """Every dictionary in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


MIDDLEWARE = [Middleware(Gate)]
