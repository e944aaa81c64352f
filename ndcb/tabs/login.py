"""The tab where templates are used: enrol, log in, revoke, and what a thief of the database can do with them.

Every visitor has a vault in memory of their own. It is opened when it is first needed, and closed by "Delete my data" or by time.
"""

import html
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from .. import checkpoints, samples, thresholds
from ..images import digit_from_drawing, read_picture
from ..pipeline import Models
from ..terms import BadPicture, Decision, Face, UnknownName, UserError
from ..vault import MOST_PHOTOS, Stolen, Vault, clean_name, fitting
from ..vault_database import LONGEST_NAME
from . import words
from .distort import BLOCKED, KEEP_SECONDS, QUEUE, generators
from .photo import Photo

CROPS = 8
"""Crops of a visitor's last photos that are kept, so that the next login with the same photo does not search it again."""
PORTRAIT = "Eileen Collins"
SAMPLE_DIGITS = (3, 8)
NO_PHOTO = "Give a photo first: upload one, use the camera, or click a sample."
NOTHING_KEPT = "Your data is deleted: the vault, its templates and your photos. The demonstration vault opens anew when you next use it."
START = ("Click a sample or give a photo, write a name, then <em>Enrol</em> or <em>Log in</em>. "
         f"In the vault already: {', '.join([PORTRAIT, *(f'digit {digit}' for digit in SAMPLE_DIGITS)])}.")
THIEF = """### What a thief of the database sees
The templates as they are stored, with their names. **The paper's U-Net templates still show the face**, so a thief sees who is
enrolled. And because F(T) is near F(X), a stolen template logs in as the photo does: click one, then try it. A generator has no
key that could be changed, so revoking and enrolling again does not stop the thief; try that too."""

CSS = """
#thief img, #login-samples img { image-rendering: pixelated; object-fit: cover }
#login-samples .grid-container { grid-template-columns: repeat(6, minmax(0, 1fr)) !important }
#thief .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important }
#thief .grid-container, #login-samples .grid-container { align-content: start }
#thief .gallery-item, #thief button, #login-samples .gallery-item, #login-samples button {
  min-width: 0; width: 100%; height: auto; aspect-ratio: 1 }
#login-samples .caption-label, #thief .caption-label { font-size: .7rem; padding: 0 .3rem; max-width: 100%; right: 0; bottom: 0 }
.names table { width: 100% !important; table-layout: fixed }
.names td, .names th { overflow-wrap: anywhere; padding: .3rem .5rem !important; font-size: .85rem }
.scale .mark.at-start { transform: none; text-align: left } .scale .mark.at-end { transform: translateX(-100%); text-align: right }
"""


class _Photos(gr.File):
    """gr.File writes an empty file into the cache whenever it is read; this one hands over the paths and writes nothing."""

    is_template = True

    def preprocess(self, payload) -> list[str]:
        return [file.path for file in payload.root] if payload else []


class Reader:
    """What a vault asks of `Models`, for photos that are (path, whether it shows a digit)."""

    def __init__(self, models: Models):
        self.models = models
        self.distorter = models.distorter
        self.crops: dict[tuple[str, bool], Face] = {}

    def find(self, photo: tuple[str, bool]) -> list[Face]:
        """Raises BadPicture, NoFaceFound."""
        if photo not in self.crops:
            face = read_face(self.models, *photo)
            for old in list(self.crops)[:max(0, len(self.crops) - CROPS + 1)]:
                del self.crops[old]
            self.crops[photo] = face
        return [self.crops[photo]]


@dataclass(frozen=True)
class Login:
    """The last login. Another threshold judges it again without a model."""

    name: str
    """Whose template was nearest, as they wrote it."""
    squared_distance: float
    kind: str
    """`verify`, `identify`, `replay`, or `stored`: the sample's result, which comes with the checkpoint."""
    generator: str
    """The one whose threshold counts."""
    note: str = ""


@dataclass(eq=False)
class Visit:
    """What the page remembers for one visitor."""

    vault: Vault
    last: Login | None = None
    copy: Stolen | None = None
    """What the thief took; revoking does not bring it back."""
    shown: dict[tuple[str, bytes], str] = field(default_factory=dict)
    """(name, PNG) -> the file in the cache that the gallery shows."""


def open_visit(models: Models) -> Visit:
    """A vault in memory with a few templates in it, of pictures that may be shipped."""
    visit = Visit(Vault("sqlite://", Reader(models)))
    if "faces" in checkpoints.names():
        _enrol(visit, PORTRAIT, [Face(samples.example("faces").original, None, how="aligned already")], "faces")
    if "digits" in checkpoints.names():
        for digit in SAMPLE_DIGITS:
            _enrol(visit, f"digit {digit}", [Face(samples.digits()[digit], None, how="aligned already")], "digits")
    return visit


def close(visit: Visit | None) -> None:
    """Forget the templates, their embeddings and the crops, and delete every file that showed them."""
    if visit:
        visit.vault.close()
        visit.vault.models.crops.clear()
        visit.last = visit.copy = None
        _unlink(visit.shown.values())
        visit.shown.clear()


def read_face(models: Models, path: str | None, digit: bool) -> Face:
    """A picture file -> its largest face, or the digit in it as 28x28 grey. Raises BadPicture, NoFaceFound."""
    if path is None:
        raise BadPicture(NO_PHOTO)
    return Face(read_digit(read_picture(path)), None, how="drawn") if digit else models.find(path)[0]


def read_digit(picture: Image.Image) -> Image.Image:
    """A digit on a ground that is light or dark all around it -> 28x28 grey, white on black. Raises BadPicture: an empty picture."""
    grey = np.asarray(picture.convert("L"))
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return digit_from_drawing(picture, "white" if np.median(edge) > 127 else "black")


def enrol(visit: Visit, name: str, paths: list[str | None], generator: str) -> str:
    """Store a template of each photo; what to say about it. Raises what `Vault.enrol` does; BadPicture: no photo."""
    paths = [path for path in paths if path]
    if not paths:
        raise BadPicture(NO_PHOTO)
    entry = _enrol(visit, name, [(path, is_digit(generator)) for path in paths], generator)
    many = "1 template is" if entry.templates == 1 else f"{entry.templates} templates are"
    return words.box("yes", f"<strong>Enrolled: {html.escape(entry.name)}.</strong> {many} stored, and neither photo nor embedding. "
                            "Now log in under this name, best with another photo.")


def _enrol(visit: Visit, name: str, photos: list, generator: str):
    visit.vault.generator = generator  # one vault, so that one list shows what a thief sees; the queue lets one call in at a time
    return visit.vault.enrol(name, photos)


def log_in(visit: Visit, name: str, path: str | None, generator: str) -> Login:
    """1:1: the photo against the templates of a name. Raises what `Vault.verify` does; UserError: the name was enrolled as the other kind
    of picture."""
    _check_kind(visit, name, generator)
    photo = read_once(visit, path, generator)
    match = visit.vault.verify(name, photo, thresholds.FARTHEST)  # only the distance counts here; the slider judges it
    return Login(clean_name(name), match.squared_distance, "verify", generator)


def identify(visit: Visit, path: str | None, generator: str) -> Login:
    """1:N: the photo against every template of its kind. Raises what `Vault.identify` does."""
    name, match = visit.vault.identify(read_once(visit, path, generator), 2 * thresholds.FARTHEST)  # so the nearest always has a name
    note = f"Not compared, because another kind of picture is in them: {len(match.skipped)} templates." if match.skipped else ""
    return Login(name, match.squared_distance, "identify", generator, note)


def read_once(visit: Visit, path: str | None, generator: str) -> Face:
    return visit.vault.models.find((path, is_digit(generator)))[0]


def _check_kind(visit: Visit, name: str, generator: str) -> None:
    """A name that nobody has is the vault's to refuse."""
    wanted = clean_name(name).casefold()
    kinds = {is_digit(stolen.generator) for stolen in visit.vault.stolen() if stolen.name.casefold() == wanted}
    if kinds and is_digit(generator) not in kinds:
        kind = "digit" if True in kinds else "face"
        raise UserError(f"Enrolled under this name is a {kind}. Choose a generator for {kind}s, or another name.")


def replay(visit: Visit) -> Login:
    """Give the stolen template in place of a photo, live. Raises what `Vault.verify` does; UserError: nothing is stolen yet."""
    copy = visit.copy or next(iter(visit.vault.stolen()), None)
    if copy is None:
        raise UserError("The vault is empty, so there is nothing to steal. Enrol a person first.")
    visit.copy = copy
    match = visit.vault.verify(copy.name, Face(copy.picture, None, how="aligned already"), thresholds.FARTHEST)
    stored = any(stolen.png == copy.png for stolen in visit.vault.stolen())
    note = "" if stored else "This template is not in the vault any more: it was revoked, and the thief's copy of it was tried."
    return Login(copy.name, match.squared_distance, "replay", copy.generator, note)


def revoke(visit: Visit, name: str) -> str:
    """Delete the templates of a name; what to say about it. Raises UserError: nobody of that name."""
    count = visit.vault.revoke(name)
    many = "1 template is" if count == 1 else f"{count} templates are"
    return words.box("advice", f"<strong>Revoked: {html.escape(clean_name(name))}.</strong> {many} deleted from the vault; a login under "
                               "this name is refused now. A copy that a thief took is not.")


def steal(visit: Visit, index: int) -> str:
    """The thief takes a copy of a template; the name it is stored under. Raises UserError: the gallery is of an older vault."""
    found = visit.vault.stolen()
    if index >= len(found):
        raise UserError("The vault was opened anew. Click a template of it.")
    visit.copy = found[index]
    return visit.copy.name


@cache
def is_digit(generator: str) -> bool:
    """Raises UnknownName."""
    return thresholds.record(generator)["config"]["channels"] == 1


def verdict(login: Login, threshold: float) -> str:
    """The decision about a login in words. Names are escaped here."""
    decision = Decision(login.squared_distance, threshold)
    head = "Accepted." if decision.same else "Refused."
    side = "under" if decision.same else "not under"
    text = (f"<strong>{head}</strong> {_what(login, decision.same)} Squared distance {login.squared_distance:.3f}, {side} the threshold "
            f"{threshold:.3f}. {login.note}")
    return words.box("yes" if decision.same else "no", text.strip())


def _what(login: Login, accepted: bool) -> str:
    name = html.escape(login.name)
    if login.kind == "replay":
        return (f"The thief is in as {name}, with the stolen template in place of a photo." if accepted
                else f"The stolen template does not log in as {name}.")
    if login.kind == "identify":
        return f"Nearest of all templates: {name}." if accepted else "Nobody who is enrolled is near enough."
    return f"The photo logs in as {name}." if accepted else f"The photo does not log in as {name}."


def scale(login: Login, threshold: float) -> str:
    """The distance on a line from 0, beside the threshold."""
    end = max(1.2 * max(login.squared_distance, threshold), 0.5)
    what = {"replay": "stolen template", "stored": "the sample, stored result"}.get(login.kind, "this photo")
    needle = 100 * login.squared_distance / end
    return (f'<div class="scale" style="--limit:{100 * threshold / end:.1f}%" role="img" aria-label="squared distance '
            f'{login.squared_distance:.3f}, threshold {threshold:.3f}"><div class="bar"></div>'
            f'{_mark("above", needle, what, login.squared_distance)}<div class="needle" style="left:{needle:.1f}%"></div>'
            f'{_mark("below", 100 * threshold / end, "threshold: accepted to the left", threshold)}</div>')


def _mark(place: str, percent: float, text: str, value: float) -> str:
    edge = " at-start" if percent < 25 else " at-end" if percent > 75 else ""
    return f'<span class="mark {place}{edge}" style="left:{percent:.1f}%">{text}<br>{value:.3f}</span>'


def cost(generator: str, threshold: float) -> str:
    """What a threshold costs, as it was measured, in a sentence."""
    try:
        found = thresholds.rates(generator, threshold)
    except UserError as error:
        return html.escape(str(error))
    return (f"Measured on {found.whom}: <strong>FMR {_percent(found.fmr, found.impostors)}</strong> (strangers who are accepted), "
            f"<strong>FNMR {_percent(found.fnmr, found.genuines)}</strong> (owners who are refused). The record's threshold is "
            f"{thresholds.login_threshold(generator):.3f}.")


def _percent(share: float, count: int) -> str:
    """A share of `count` comparisons; none of them does not mean never."""
    if share == 0:
        return f"0 of {count:,}"
    return f"{100 * share:.1f} %" if share >= 0.001 else f"{100 * share:.2g} %"


def names_table(people: list[tuple[str, str, str]]) -> str:
    """Who is enrolled, from (name, generator, time) of each template; a name's first template counts. Names are escaped here."""
    many = Counter(name for name, _, _ in people)
    first = {name: (generator, time) for name, generator, time in reversed(people)}
    rows = [f"<tr><td>{html.escape(name)}{f' ({count} templates)' if count > 1 else ''}</td><td>{html.escape(first[name][0])}</td>"
            f"<td>{_minute(first[name][1])}</td></tr>" for name, count in many.items()]
    head = "<tr><th>enrolled</th><th>generator</th><th>since (UTC)</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Nobody is enrolled.</p>"


def _minute(time: str) -> str:
    return html.escape(time[:16].replace("T", " ") or "the first use")


def gallery(visit: Visit) -> list[tuple[str, str]]:
    """(file, name) of every template as it is stored, in the order of enrolment. Files of templates that were revoked are deleted."""
    found = visit.vault.stolen()
    alive = {(stolen.name, stolen.png) for stolen in found}
    gone = [key for key in visit.shown if key not in alive]
    _unlink(visit.shown.pop(key) for key in gone)
    for key in alive - visit.shown.keys():
        visit.shown[key] = _write(key[1])
    return [(visit.shown[stolen.name, stolen.png], stolen.name) for stolen in found]


def _write(png: bytes) -> str:
    """A file in the cache that no other visitor's has the path of, so that deleting it takes nothing from them."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    path = folder / "template.png"
    path.write_bytes(png)
    return str(path)


def _unlink(paths) -> None:
    """Delete files, and the folders in which they were alone."""
    for path in map(Path, paths):
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


@cache
def sample_pictures() -> list[tuple[Image.Image, str, str]]:
    """(picture, caption, generator): the portrait, and the digits in other hands than those of the demonstration vault."""
    from sklearn.datasets import load_digits

    grey = [Image.fromarray(np.uint8(image / 16 * 255)).resize((160, 160), Image.BICUBIC) for image in load_digits().images[10:20]]
    digits = [(picture, f"a {number}", "digits") for number, picture in enumerate(grey)]
    return [item for item in [(samples.portrait(), "portrait", "faces"), *digits] if item[2] in checkpoints.names()]


def accepts(models: Models, reference: str | None, probe: str | None, generator: str) -> bool:
    """Is the probe's person the reference's? `reference`: file of a template as it was stored. Raises UserError and its children."""
    if generator not in checkpoints.names():  # nor a path
        raise UnknownName("generator", generator, checkpoints.names())
    distorter = models.distorter(generator)
    template = read_picture(reference)
    template = fitting(template.convert("L") if is_digit(generator) else template, distorter)
    embedded = distorter.embed([template, read_face(models, probe, is_digit(generator)).image])
    return distorter.decide(*embedded).same


def first_table() -> str:
    """Who is in a vault that nobody has used yet."""
    people = [(PORTRAIT, "faces", "")] + [(f"digit {digit}", "digits", "") for digit in SAMPLE_DIGITS]
    return names_table([person for person in people if person[1] in checkpoints.names()])


def first_scale() -> str:
    """The sample's result as it comes with the checkpoint: on screen before any model has run."""
    stored = samples.example("faces")
    return scale(Login(PORTRAIT, stored.embedding_distance, "stored", "faces"), stored.threshold)


def answer(models: Models, visit: Visit | None, act) -> list:
    """Do `act(visit)`, which gives what to say and the scale; the visit and a value for each thing that shows the vault.

    A UserError is said, and leaves everything else as it was.
    """
    try:
        visit = visit or open_visit(models)
        says, bar = act(visit)
    except UserError as error:
        return [visit, words.advice(html.escape(str(error))), gr.skip(), *(_vault_view(visit) if visit else [gr.skip()] * 2)]
    return [visit, says, bar, *_vault_view(visit)]


def _vault_view(visit: Visit) -> list:
    return [names_table([(stolen.name, stolen.generator, stolen.time) for stolen in visit.vault.stolen()]), gallery(visit)]


def judge(visit: Visit, login: Login, generator: str, threshold: float) -> tuple[str, str]:
    """Verdict and scale of a login, which is kept as the last. The threshold is that of `generator`; another one has its record's."""
    visit.last = login
    limit = threshold if login.generator == generator else thresholds.login_threshold(login.generator)
    return verdict(login, limit), scale(login, limit)


def judge_again(visit: Visit | None, generator: str, threshold: float) -> list:
    """Verdict, scale and cost at another threshold; no model runs."""
    last = visit and visit.last
    shown = judge(visit, last, generator, threshold) if last and last.generator == generator else [gr.skip()] * 2
    return [*shown, cost(generator, threshold)]


def say(visit: Visit, text: str) -> tuple[str, str]:
    """What to say where nobody logged in, with an empty scale."""
    visit.last = None
    return text, ""


def default_threshold(generator: str) -> list:
    """The slider's value and its cost."""
    limit = thresholds.login_threshold(generator)
    return [round(limit, 3), cost(generator, limit)]


def use_sample(files: list[str], index: int, generator: str) -> list:
    """Photo, generator, threshold and cost; a generator of the sample's kind stays."""
    wanted = sample_pictures()[index][2]
    same = is_digit(wanted) == is_digit(generator)
    return [files[index], *([gr.skip()] * 3 if same else [wanted, *default_threshold(wanted)])]


def take(visit: Visit, index: int) -> tuple[str, str]:
    """Say what the thief took."""
    name = html.escape(steal(visit, index))
    text = f"<strong>Stolen: a copy of the template of {name}.</strong> The thief can now try to log in with it."
    return say(visit, words.box("advice", text))


def forget(visit: Visit | None, paths: list[str | None], own: list[str]) -> None:
    """Close the vault and delete the visitor's files now, but not the page's `own` samples."""
    close(visit)
    _unlink(path for path in paths if path and path not in own)


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            form = _form()
        with gr.Column(scale=6, min_width=320):
            results = _results()
    _wire(models, form, results)
    _api(models)


def _form() -> dict:
    photo = Photo("Photo: upload, camera or clipboard", height=260, elem_id="login-photo")
    gr.Markdown(BLOCKED, elem_classes="privacy")
    gr.Markdown("Or click a sample; the digits are in other hands than those in the vault:", elem_classes="privacy")
    files = [save_pil_to_cache(picture, get_upload_folder(), "sample", "png") for picture, _, _ in sample_pictures()]
    captioned = [(file, caption) for file, (_, caption, _) in zip(files, sample_pictures())]
    tiles = gr.Gallery(captioned, label="Samples", show_label=False, columns=6, height=200, allow_preview=False, buttons=[],
                       format="png", elem_id="login-samples")
    with gr.Accordion(f"More photos of the same person, to enrol with up to {MOST_PHOTOS}", open=False):
        more = _Photos(label="More photos", file_count="multiple", height=120, elem_id="login-more")
    choices = [*generators("faces"), *generators("digits")]
    generator = gr.Dropdown(choices, value=choices[0][1], label="Generator: what makes the template", filterable=False,
                            elem_id="login-generator")
    name = gr.Textbox(label="Name", max_length=LONGEST_NAME, placeholder="such as Ann", elem_id="login-name")
    return {"photo": photo, "files": files, "tiles": tiles, "more": more, "generator": generator, "name": name, **_buttons()}


def _buttons() -> dict:
    texts = {"enrol": "Enrol", "verify": "Log in", "identify": "Who is it? (1:N)", "revoke": "Revoke the name", "forget": "Delete my data"}
    with gr.Row():
        return {key: gr.Button(text, size="sm", min_width=130, variant="primary" if key == "verify" else "secondary",
                               elem_id=f"login-{key}") for key, text in texts.items()}


def _results() -> dict:
    """The right half, with what is known before any model has run."""
    first = [*generators("faces"), *generators("digits")][0][1]
    value, rates = default_threshold(first)
    stored = samples.example("faces").template
    loot = [(save_pil_to_cache(stored, get_upload_folder(), "stolen", "png"), PORTRAIT)]
    return {
        "says": gr.HTML(words.box("advice", START), elem_id="login-verdict"),
        "bar": gr.HTML(first_scale(), elem_id="login-scale"),
        "threshold": gr.Slider(0, thresholds.FARTHEST / 2, value, step=0.001, elem_id="login-threshold",
                               label="Login threshold (squared distance)"),
        "rates": gr.HTML(rates, elem_id="login-rates"),
        "people": gr.HTML(first_table(), elem_classes="names", elem_id="login-names"),
        "thief": gr.Markdown(THIEF),
        "loot": gr.Gallery(loot, label="Stored templates", show_label=False, columns=4, height=200, allow_preview=False, buttons=[],
                           format="png", elem_id="thief"),
        "replay": gr.Button("Log in with the stolen template", elem_id="login-replay"), "first_loot": loot}


def _wire(models: Models, form: dict, results: dict) -> None:
    visit = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=close)
    kept = gr.State((), time_to_live=KEEP_SECONDS)
    _wire_vault(models, form, results, visit)
    _wire_rest(form, results, visit, kept)


def _wire_vault(models: Models, form: dict, results: dict, visit: gr.State) -> None:
    photo, name, generator, threshold = form["photo"], form["name"], form["generator"], results["threshold"]
    outputs = [visit, *(results[key] for key in ("says", "bar", "people", "loot"))]
    private = {"api_visibility": "private", "show_progress_on": [results["says"]], **QUEUE}

    def on_enrol(seen: Visit | None, who: str, path: str | None, more: list, which: str) -> list:
        return answer(models, seen, lambda visit: say(visit, enrol(visit, who, [path, *more], which)))

    def on_verify(seen: Visit | None, who: str, path: str | None, which: str, limit: float) -> list:
        return answer(models, seen, lambda visit: judge(visit, log_in(visit, who, path, which), which, limit))

    def on_identify(seen: Visit | None, path: str | None, which: str, limit: float) -> list:
        return answer(models, seen, lambda visit: judge(visit, identify(visit, path, which), which, limit))

    def on_revoke(seen: Visit | None, who: str) -> list:
        return answer(models, seen, lambda visit: say(visit, revoke(visit, who)))

    def on_steal(seen: Visit | None, event: gr.SelectData) -> list:
        return answer(models, seen, lambda visit: take(visit, event.index))

    def on_replay(seen: Visit | None, which: str, limit: float) -> list:
        return answer(models, seen, lambda visit: judge(visit, replay(visit), which, limit))

    form["enrol"].click(on_enrol, [visit, name, photo, form["more"], generator], outputs, **private)
    form["verify"].click(on_verify, [visit, name, photo, generator, threshold], outputs, **private)
    name.submit(on_verify, [visit, name, photo, generator, threshold], outputs, **private)
    form["identify"].click(on_identify, [visit, photo, generator, threshold], outputs, **private)
    form["revoke"].click(on_revoke, [visit, name], outputs, **private)
    results["loot"].select(on_steal, visit, outputs, **private)
    results["replay"].click(on_replay, [visit, generator, threshold], outputs, **private)


def _wire_rest(form: dict, results: dict, visit: gr.State, kept: gr.State) -> None:
    photo, more, generator, threshold, rates = form["photo"], form["more"], form["generator"], results["threshold"], results["rates"]
    private = {"api_visibility": "private", "show_progress": "hidden"}

    def on_file(given: str | list | None, paths: tuple) -> tuple:
        return *paths, *([given] if isinstance(given, str) else given or [])

    def on_sample(which: str, event: gr.SelectData) -> list:
        return use_sample(form["files"], event.index, which)

    def on_threshold(seen: Visit | None, which: str, limit: float) -> list:
        return judge_again(seen, which, limit)

    def on_forget(seen: Visit | None, paths: tuple, path: str | None, others: list) -> list:
        forget(seen, [*paths, path, *others], form["files"])
        return [None, (), None, None, "", words.advice(NOTHING_KEPT), "", first_table(), results["first_loot"]]

    photo.input(on_file, [photo, kept], kept, **private)
    more.upload(on_file, [more, kept], kept, **private)
    form["tiles"].select(on_sample, generator, [photo, generator, threshold, rates], **private)
    generator.input(default_threshold, generator, [threshold, rates], **private)
    threshold.input(on_threshold, [visit, generator, threshold], [results["says"], results["bar"], rates], trigger_mode="always_last",
                    **private)
    form["forget"].click(on_forget, [visit, kept, photo, more], [visit, kept, photo, more, form["name"], results["says"], results["bar"],
                                                                 results["people"], results["loot"]], api_visibility="private", **QUEUE)


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show. It never tells the distance: who may ask for it as often as they
    like can climb towards a picture that is accepted."""
    reference, probe = Photo("reference", visible=False), Photo("probe", visible=False)
    generator = gr.Textbox("faces", label="generator", visible=False)
    result = gr.JSON(label="result", visible=False)

    def login(reference: str | None, probe: str | None, generator: str) -> dict:
        """Does this photo log in with this template? `reference`: the template as it was stored (PNG, 160x160, or 28x28 of a digit);
        `probe`: a plain photo, the largest face counts; `generator`: what made the template. Answers {"accepted": true or false}."""
        try:
            return {"accepted": accepts(models, reference, probe, generator)}
        except UserError as error:
            raise gr.Error(str(error)) from None

    gr.Button(visible=False).click(login, [reference, probe, generator], result, api_name="login", **QUEUE)
