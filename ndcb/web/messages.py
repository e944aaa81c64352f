"""What a browser posts to the page, with real files in place of the paths that it names."""

import json
import secrets

import gradio as gr

from ndcb.core.terms import UserError
from ndcb.web.private_files import admit

MOST_BYTES = 8 * 2**20
"""Of a request that is no upload. A frame of the camera takes a tenth of it."""

NOT_UNDERSTOOD = "This request was not understood. Load the page anew and try again."
TOO_LONG = "This request is too long. Load the page anew and try again."


class Refused(UserError):
    """A request that is not answered, and the HTTP status that says so."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


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
    for file in dictionaries(message):
        if file.get("path") is not None:
            file["path"] = admit(file["path"], session)
        if not str(file.get("url")).startswith("data:"):
            file.pop("url", None)


def dictionaries(value):
    """Every dictionary in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
