"""One frame as the browser sends it -> what the browser shows next."""

import base64
import binascii
import io

from PIL import Image

from ndcb.core.terms import BadPicture, NoFaceFound, UnknownName, UserError
from ndcb.faces.images import read_picture
from ndcb.faces.tracking import Track, Tracker
from ndcb.models.live import Full, Line, shoot
from ndcb.models.pipeline import Models, stopwatch
from ndcb.web import words
from ndcb.web.choices import generators
from ndcb.web.figures import data_url
from ndcb.web.tabs.live.texts import BAD_FRAME, FULL, NO_FACE, NO_GENERATOR, say

LARGEST_FRAME = 2_000_000
"""Pixels. The browser sends at most 640x640; a larger one would take memory from the other
streams.
"""
SENTENCES = {NoFaceFound: NO_FACE, BadPicture: BAD_FRAME, Full: FULL, UnknownName: NO_GENERATOR}
"""A visitor whose camera runs needs other advice than one who gave a photo. None of it repeats what
was sent.
"""


def answer(models: Models, line: Line, sent: dict) -> dict:
    """What the browser shows: template, verdict, track (for the next frame), milliseconds.

    sent: frame (a data URL), generator, track (of the last answer, or None), decide (measure the
    distance too?). Without a face, with a frame that cannot be read or without a free place there
    is only a sentence as the verdict.
    """
    took: dict[str, float] = {}
    try:
        with stopwatch(took, "read"):
            frame, name = read_frame(sent), read_generator(sent)
        distorter = models.distorter(name)
        tracker = Tracker(models.detector, track=Track.read(sent.get("track")))
        took["wait"], shot = line(shoot, frame, tracker, distorter, bool(sent.get("decide")))
    except UserError as error:
        sentence = SENTENCES.get(type(error), str(error))
        return {"verdict": words.advice(sentence), "full": isinstance(error, Full), "track": None}
    return {
        "template": data_url(shot.template),
        "verdict": shot.decision and say(shot.decision),
        "track": vars(tracker.track),
        "milliseconds": took | shot.milliseconds,
    }


def read_frame(sent: dict) -> Image.Image:
    """Only data in the message itself is read, never a path or an address. Raises BadPicture."""
    url = sent.get("frame") if isinstance(sent, dict) else None
    if not isinstance(url, str) or not url.startswith("data:image/"):
        raise BadPicture(BAD_FRAME)
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
        with Image.open(io.BytesIO(data)) as frame:
            pixels = frame.width * frame.height
    except (binascii.Error, OSError, Image.DecompressionBombError) as error:
        raise BadPicture(BAD_FRAME) from error
    if pixels > LARGEST_FRAME:
        raise BadPicture(BAD_FRAME)
    return read_picture(data)


def read_generator(sent: dict) -> str:
    """Raises UnknownName."""
    names = [name for _, name in generators("faces")]
    if sent.get("generator") not in names:
        raise UnknownName("generator", str(sent.get("generator")), names)
    return sent["generator"]
