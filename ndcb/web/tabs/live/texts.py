"""The limits of a stream, and every sentence that the tab says."""

from ndcb.core.terms import Decision
from ndcb.faces import samples
from ndcb.web import words

SECONDS = 60
"""A stream runs for so long, so that a forgotten page does not keep camera and machine busy."""
HANDS = 2
"""Frames of a stream that are under way at once: while the server works on one, the browser takes
the next and shows the last.
"""
STREAMS = 4
"""Streams that the server takes at once. It works on one frame at a time, so each further stream
slows the others.
"""
DECIDE_SECONDS = 1
"""The distance is measured so often only: embedding two faces costs many times what generating a
template does.
"""
RATE_SECONDS = 3
"""The rate is counted over so many seconds."""
PATIENCE_SECONDS = 30
"""The browser waits so long for an answer. The first one has to wait until the models are loaded.
"""

INTRODUCTION = """Your camera's picture, distorted as it runs. The bottleneck shows no face; each of
its frames has to pass the recogniser, so expect a few a second where there is no GPU. The paper's
U-Net is several times faster, and shows the face."""
CREDIT = f"This is the sample, {samples.PORTRAIT_CREDIT}; start the camera to see yourself."
HOW = (
    f"A stream stops by itself after {SECONDS} seconds, and when you leave this tab. No frame is"
    " stored: the server forgets each one as soon as it has answered it. Camera blocked? Use the"
    " sample or a photo on the tab Distort."
)

NO_FACE = "No face in the picture right now. The last template stays until a face is found."
BAD_FRAME = "This frame could not be read; the next one is tried."
NO_GENERATOR = "Choose one of the generators below."
FULL = (
    f"{STREAMS} visitors are live already, and this machine can serve no more. Yours begins by"
    " itself when one of them stops."
)

ELSEWHERE = "Or use the sample or a photo on the tab Distort."
TEXTS = {
    "start": "Start the camera",
    "stop": "Stop the camera",
    "asking": "Your browser asks whether this page may use the camera: allow it.",
    "waiting": "The camera runs; waiting for the first distorted frame.",
    "rate": "While the camera runs, the frame rate is told here.",
    "stopped": "The camera is off. The last template stays until you start again or delete it.",
    "over": f"The camera is off: {SECONDS} seconds are over. Press Start to go on.",
    "left": "The camera is off, because you left this tab. Press Start to go on.",
    "unplugged": "The camera is off: it was unplugged, or the permission was taken back.",
    "silent": "The camera is off, because the server did not answer. Press Start to try again.",
    "deleted": (
        "Your data is deleted: the last template is gone from the screen, and the server had kept"
        " nothing."
    ),
    "insecure": (
        f"Browsers give the camera only to pages at https:// or on the same machine. {ELSEWHERE}"
    ),
    "NotAllowedError": (
        "Camera blocked? Allow it in the browser's address bar or settings, then press Start."
        f" {ELSEWHERE}"
    ),
    "NotFoundError": f"This device has no camera. {ELSEWHERE}",
    "NotReadableError": (
        f"The camera is used by another program. Close that one, then press Start. {ELSEWHERE}"
    ),
    "failed": f"The camera could not be started. {ELSEWHERE}",
}
"""What the script says, by its own names and by the browser's names of what went wrong."""


def say(decision: Decision) -> str:
    """The verdict on one frame."""
    side = "under" if decision.same else "not under"
    return words.box(
        "yes" if decision.same else "no",
        f"{words.head(decision.same)} Squared embedding distance of your face and its template: "
        f"{decision.squared_distance:.3f}, {side} the threshold {decision.threshold:.3f}.",
    )
