"""Which requests of a browser are answered, and which files they may name.

Gradio checks a path only where the browser says that it is a file. So every request is read here
first: each path in it becomes a file that its sender gave (`ndcb.web.private_files.admit`), or the
request is refused with one sentence. Routes that the page does not use are shut. A web page
elsewhere can post to a page on its visitor's own machine, so requests that come from there are
refused, too.
"""

import os
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from ndcb.web.blocks import forget_empty_sessions
from ndcb.web.messages import NOT_UNDERSTOOD, Refused, checked, read_body, replay
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
HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}
"""Names of the machine itself."""

SHUT = "There is nothing here."
ELSEWHERE = (
    "This page only answers requests that come from itself. Open it by its own address. Where a "
    "proxy stands before it, let the proxy pass on the header Host, and name that host in "
    "NDCB_HOSTS."
)


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


MIDDLEWARE = [Middleware(Gate)]
