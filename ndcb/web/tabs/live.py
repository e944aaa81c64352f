"""The camera's stream, distorted as it runs.

The browser takes a frame, sends it, shows the answer and takes the next one. Each message holds all
that the answer needs, so that the server keeps nothing of a visitor between two frames, in memory
or on disk, and a stream that stops or vanishes leaves nothing behind.
"""

import base64
import binascii
import io
import json

import gradio as gr
from PIL import Image

from ndcb.core.terms import DEFAULT_FACES, BadPicture, Decision, NoFaceFound, UnknownName, UserError
from ndcb.faces import samples
from ndcb.faces.images import read_picture
from ndcb.faces.tracking import Track, Tracker
from ndcb.models import checkpoints, examples
from ndcb.models.live import Full, Line, shoot
from ndcb.models.pipeline import Models, stopwatch
from ndcb.web import words
from ndcb.web.tabs.distort import generators

SECONDS = 60
"""So long a stream may run: a page that was forgotten does not keep the camera and the machine
busy.
"""
HANDS = 2
"""Frames of a stream that are under way at once: while the server works on one, the browser takes
the next and shows the last.
"""
LARGEST_FRAME = 2_000_000
"""Pixels. The browser sends at most 640x640; a larger one would take memory from the other
streams.
"""
STREAMS = 4
"""Streams that the server takes at once. It works on one frame at a time, so each further stream
slows the others.
"""
DECIDE_SECONDS = 1
"""Embedding two faces costs many times what generating a template does, so the distance is measured
so often only.
"""
RATE_SECONDS = 3
"""The rate is counted over so many seconds."""
INTRODUCTION = """Your camera's picture, distorted as it runs. The bottleneck shows no face; each of its frames has to pass the recogniser,
so expect a few a second where there is no GPU. The paper's U-Net is several times faster, and shows the face."""
PATIENCE_SECONDS = 30
"""The browser waits so long for an answer; the first one has to wait until the models are
loaded.
"""

NO_FACE = "No face in the picture right now. The last template stays until a face is found."
BAD_FRAME = "This frame could not be read; the next one is tried."
NO_GENERATOR = "Choose one of the generators below."
FULL = (
    f"{STREAMS} visitors are live already, and this machine can serve no more. Yours begins by"
    " itself when one of them stops."
)
CREDIT = f"This is the sample, {samples.PORTRAIT_CREDIT}; start the camera to see yourself."
HOW = (
    f"A stream stops by itself after {SECONDS} seconds, and when you leave this tab. No frame is"
    " stored: the server forgets each one as soon as it has answered it. Camera blocked? Use the"
    " sample or a photo on the tab Distort."
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

CSS = """
.live-pair { display: flex; gap: .6rem; align-items: flex-start; max-width: 800px; margin: 0 auto .8rem }
.live-pair figure { margin: 0; min-width: 0 } .live-camera { flex: var(--aspect, 1.3333) 1 0 } .live-made { flex: 1 1 0 }
.live-pair figcaption { text-align: center; opacity: .85; font-size: .9em; padding-top: .2rem }
.live-view { position: relative; overflow: hidden; border-radius: 6px; background: #64748b40 }
.live-camera .live-view { aspect-ratio: var(--aspect, 1.3333) } .live-made .live-view { aspect-ratio: 1 }
.live-video, .live-template { width: 100%; height: 100%; object-fit: contain; display: block } .live-template { image-rendering: pixelated }
.live-on .live-view { transform: scaleX(-1) }
.live-box { position: absolute; display: none; border: 2px solid #14b8a6; border-radius: 4px; box-shadow: 0 0 0 1px #0008 }
.live-buttons { display: flex; gap: .6rem; flex-wrap: wrap; justify-content: center; margin-bottom: .8rem }
.live-buttons button { padding: .5rem 1.2rem; border-radius: 6px; border: 1px solid var(--border-color-primary); cursor: pointer;
  background: var(--button-secondary-background-fill); color: var(--button-secondary-text-color) }
.live-buttons .live-go { background: #0f766e; color: #fff; font-weight: 600; min-width: 11rem }
.live-buttons button:disabled { opacity: .6 }
.live-buttons .live-go.live-running { background: #b45309 }
.live-rate { margin: .6rem 0; min-height: 3.2em } .live .verdict { min-height: 4.6em }
@media (max-width: 640px) { .live-rate { min-height: 6em } .live .verdict { min-height: 7.5em } }
"""

JS = """
const {texts, seconds, patience, decide, hands, span} = SETTINGS;
const [stage, pair, video, box, picture, go, forget, verdict, rate] =
  ["live", "live-pair", "live-video", "live-box", "live-template", "live-go", "live-forget", "live-verdict", "live-rate"]
  .map(name => element.querySelector("." + name));
const first = {picture: picture.src, poster: video.poster};
const canvas = document.createElement("canvas");
const pause = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
let run = 0, stream = null, limit = null;  // run: which stream this is; a loop whose number has passed ends

const tell = text => { verdict.innerHTML = '<div class="verdict advice" role="status"><strong></strong></div>';
                       verdict.querySelector("strong").textContent = text; };
const button = running => { go.textContent = running ? texts.stop : texts.start; go.classList.toggle("live-running", running); };
const stop = text => {
  run += 1;
  clearTimeout(limit);
  stream?.getTracks().forEach(track => track.stop());
  stream = video.srcObject = null;
  box.style.display = "none";
  rate.textContent = texts.rate;
  go.disabled = false;
  button(false);
  tell(text);
};

const start = async () => {
  const mine = ++run;
  if (!navigator.mediaDevices?.getUserMedia) return stop(texts.insecure);
  go.disabled = true;
  tell(texts.asking);
  let got;
  try {
    got = await navigator.mediaDevices.getUserMedia({video: {facingMode: "user", width: {ideal: 640}, height: {ideal: 480}}});
    if (run !== mine) return got.getTracks().forEach(track => track.stop());
    stream = video.srcObject = got;
    await video.play();
  } catch (error) {
    return run === mine && stop(texts[error.name] ?? texts.failed);
  }
  got.getTracks()[0].onended = () => run === mine && stop(texts.unplugged);
  limit = setTimeout(() => run === mine && stop(texts.over), 1000 * seconds);
  go.disabled = false;
  button(true);
  tell(texts.waiting);
  stage.classList.add("live-on");
  video.removeAttribute("poster");
  film(mine);
};

const capture = () => {
  const scale = Math.min(1, 640 / Math.max(video.videoWidth, video.videoHeight));
  const [width, height] = [video.videoWidth, video.videoHeight].map(side => Math.round(side * scale));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  canvas.getContext("2d").drawImage(video, 0, 0, width, height);
  pair.style.setProperty("--aspect", width / height);
  return canvas.toDataURL("image/jpeg", 0.85);
};
const outline = at => {
  box.style.display = at ? "block" : "none";
  if (at) ["left", "top", "width", "height"].forEach((side, place) => {
    const whole = place % 2 ? canvas.height : canvas.width, from = place > 1 ? at[place - 2] : 0;
    box.style[side] = 100 * (at[place] - from) / whole + "%";
  });
};

const newFrame = () => Promise.race([pause(.5), new Promise(done => video.requestVideoFrameCallback ?
  video.requestVideoFrameCallback((now, frame) => done(frame.presentedFrames)) : setTimeout(() => done(performance.now()), 33))]);
const film = mine => {
  const seen = {track: null, decided: -Infinity, moment: -1, said: "", sent: 0, done: 0, shown: [], told: 0, screen: Promise.resolve()};
  for (let hand = 0; hand < hands; hand++) deliver(mine, seen);
};
const deliver = async (mine, seen) => {  // one frame after the other, as many hands at once as there are frames under way
  while (run === mine) {
    if (document.hidden || !stage.getClientRects().length) return stop(texts.left);
    const moment = await newFrame();
    if (run !== mine) return;
    if (!moment || moment === seen.moment) continue;  // a camera frame is sent once
    seen.moment = moment;
    const now = performance.now(), number = ++seen.sent, due = now - seen.decided > 1000 * decide;
    if (due) seen.decided = now;
    const generator = document.querySelector("#live-generator input:checked")?.value ?? "";
    const asked = server.distort_frame({frame: capture(), generator, track: seen.track, decide: due});
    const answer = await Promise.race([asked, pause(patience)]);
    if (run !== mine) return;
    if (!answer) return stop(texts.silent);
    await (seen.screen = seen.screen.then(() => show(answer, number, seen)));
    if (run === mine && performance.now() - seen.told > 250) report(seen, answer.milliseconds, performance.now() - now);
  }
};
const show = async (answer, number, seen) => {
  if (number < seen.done) return;  // a later frame was faster
  seen.done = number;
  if (answer.verdict && answer.verdict !== seen.said) verdict.innerHTML = seen.said = answer.verdict;
  if (answer.full) return pause(1);
  seen.track = answer.track;
  outline(answer.track?.box);
  if (!answer.template) return seen.decided = -Infinity;
  picture.src = answer.template;
  await picture.decode().then(() => seen.shown.push(performance.now()), () => {});
};
const report = (seen, took, whole) => {
  const shown = seen.shown;
  seen.told = performance.now();
  while (shown.length && performance.now() - shown[0] > 1000 * span) shown.shift();
  const fps = shown.length > 1 ? 1000 * (shown.length - 1) / (performance.now() - shown[0]) : 0;
  const stages = Object.entries(took ?? {}).map(([stage, time]) => `${stage} ${time.toFixed(0)}`).join(", ");
  rate.innerHTML = `<strong>${fps.toFixed(1)} distorted frames a second</strong>, counted here in your browser as they are shown, over ` +
    `the last ${span} seconds, at ${canvas.width}x${canvas.height}. Milliseconds of this frame: ${whole.toFixed(0)} there and back` +
    `${stages ? ", of it " + stages : ""}. The distance is measured once a second only.`;
  rate.dataset.fps = fps;
};

go.addEventListener("click", () => run && stream ? stop(texts.stopped) : start());
forget.addEventListener("click", () => {
  stop(texts.deleted);
  picture.src = first.picture;
  video.poster = first.poster;
  stage.classList.remove("live-on");
  canvas.width = canvas.height = 0;
});
"""


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    line = Line(HANDS * STREAMS)

    def distort_frame(sent: dict) -> dict:
        return answer(models, line, sent)

    gr.Markdown(INTRODUCTION)
    gr.HTML(
        html_template=first_screen(),
        js_on_load=script(),
        server_functions=[distort_frame],
        apply_default_css=False,
        elem_id="live",
    )
    choices = generators("faces")
    gr.Radio(
        choices,
        value=DEFAULT_FACES if DEFAULT_FACES in checkpoints.names() else None,
        label="Generator",
        elem_id="live-generator",
        interactive=True,
    )  # no event reads it, so it would be greyed out


def first_screen() -> str:
    """The stored example, on screen before the camera or any model runs. The script finds the parts
    by their classes.
    """
    first = examples.example(DEFAULT_FACES)
    return f"""
<div class="live">
  <div class="live-pair">
    <figure class="live-camera"><div class="live-view">
      <video class="live-video" muted playsinline poster="{as_data_url(first.original)}"></video><div class="live-box"></div>
    </div><figcaption>Camera</figcaption></figure>
    <figure class="live-made"><div class="live-view">
      <img class="live-template" alt="template of the last frame" src="{as_data_url(first.template)}">
    </div><figcaption>Template</figcaption></figure>
  </div>
  <div class="live-buttons">
    <button class="live-go">{TEXTS["start"]}</button><button class="live-forget">Delete my data</button>
  </div>
  <div class="live-verdict">{words.verdict(first, CREDIT)}</div>
  <p class="live-rate">{TEXTS["rate"]}</p>
  <p class="privacy">{HOW}</p>
</div>"""


def script() -> str:
    settings = {
        "texts": TEXTS,
        "seconds": SECONDS,
        "patience": PATIENCE_SECONDS,
        "decide": DECIDE_SECONDS,
        "hands": HANDS,
        "span": RATE_SECONDS,
    }
    return JS.replace("SETTINGS", json.dumps(settings))


def answer(models: Models, line: Line, sent: dict) -> dict:
    """One frame as the browser sent it -> what it shows next: template, verdict, track (for the
    next frame), milliseconds.

    sent: frame (a data URL), generator, track (of the last answer, or None), decide (measure the
    distance too?). Without a face, with a frame that cannot be read or without a free place there
    is only a sentence as the verdict.
    """
    took: dict[str, float] = {}
    try:
        with stopwatch(took, "read"):
            frame, name = read_frame(sent), read_generator(sent)
        distorter, tracker = (
            models.distorter(name),
            Tracker(models.detector, track=Track.read(sent.get("track"))),
        )
        took["wait"], shot = line(shoot, frame, tracker, distorter, bool(sent.get("decide")))
    except UserError as error:
        return {
            "verdict": words.advice(SENTENCES.get(type(error), str(error))),
            "full": isinstance(error, Full),
            "track": None,
        }
    return {
        "template": as_data_url(shot.template),
        "verdict": shot.decision and say(shot.decision),
        "track": vars(tracker.track),
        "milliseconds": took | shot.milliseconds,
    }


SENTENCES = {NoFaceFound: NO_FACE, BadPicture: BAD_FRAME, Full: FULL, UnknownName: NO_GENERATOR}
"""A visitor whose camera runs needs other advice than one who gave a photo; and none of it repeats
what was sent.
"""


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


def as_data_url(picture: Image.Image) -> str:
    """A PNG inside the address itself, so that no file is written."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def say(decision: Decision) -> str:
    head = (
        "Still the same to the recogniser."
        if decision.same
        else "The recogniser does not see the same any more."
    )
    side = "under" if decision.same else "not under"
    return words.box(
        "yes" if decision.same else "no",
        f"<strong>{head}</strong> Squared embedding distance of your face and its template: "
        f"{decision.squared_distance:.3f}, {side} the threshold {decision.threshold:.3f}.",
    )
