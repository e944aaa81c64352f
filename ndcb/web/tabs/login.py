"""The tab where templates are used: enrol, log in, revoke, and what a thief of the database can do
with them. A skin of `ndcb.web.session`.
"""

import html

import gradio as gr

from ndcb.attacks import thief
from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models import examples
from ndcb.models.pipeline import Models
from ndcb.results import thresholds
from ndcb.vault.enrolment import MOST_PHOTOS
from ndcb.vault.names import LONGEST_NAME
from ndcb.web import private_files, words
from ndcb.web import sealed_session as sealed_login
from ndcb.web import session as login
from ndcb.web.choices import generators
from ndcb.web.photo import BLOCKED, Photo, Photos, refusal
from ndcb.web.sealed_session import Given, SealedLogin
from ndcb.web.session import Login, Visit
from ndcb.web.tabs import login_sealed, login_words
from ndcb.web.visits import chosen, visit_state
from ndcb.web.wiring import LATEST, QUEUE

FRESH = "fresh"
"""The state of a visitor for whom no vault was opened yet."""
ENDED = (
    "Your visit ended after ten minutes: the vault was closed, and its templates and their keys"
    " were deleted. A new one is open; enrol again."
)

OPENING = "Opening the demonstration vault"
FINDING, LOGGING_IN = "Finding the face, making its template", "Finding the face, comparing"

CSS = (
    """
#thief img, #login-samples img { image-rendering: pixelated; object-fit: cover }
#login-samples .grid-container { grid-template-columns: repeat(6, minmax(0, 1fr)) !important }
#thief .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important }
#thief .grid-container, #login-samples .grid-container { align-content: start }
#thief .gallery-item, #thief button, #login-samples .gallery-item, #login-samples button {
  min-width: 0; width: 100%; height: auto; aspect-ratio: 1 }
#login-samples .caption-label, #thief .caption-label { font-size: .7rem; padding: 0 .3rem; max-width: 100%; right: 0; bottom: 0 }
#thief, #login-samples { height: auto !important }
#thief .grid-wrap, #login-samples .grid-wrap { height: auto !important; max-height: 340px }
#login-scale:not(:has(.scale)) { display: none }
@media (max-width: 640px) {
  #login-samples .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important }
  #thief .grid-container { grid-template-columns: repeat(3, minmax(0, 1fr)) !important }
}
.names table { width: 100% !important; table-layout: fixed }
.names td, .names th { overflow-wrap: anywhere; padding: .3rem .5rem !important; font-size: .85rem }
.scale .mark.at-start { transform: none; text-align: left } .scale .mark.at-end { transform: translateX(-100%); text-align: right }
"""
    + login_sealed.CSS
)


def answer(
    models: Models, seen: Visit | str | None, act, progress: gr.Progress, stage: str
) -> list:
    """Do `act(visit)`, which gives what to say and the scale; the visit and a value for each thing
    that shows the vault.

    seen: the visit, FRESH, or None where it has ended: then nothing is done but a new vault opened,
    and that is said. A UserError is said, and leaves everything else as it was.
    """
    visit = seen if isinstance(seen, Visit) else None
    try:
        if visit is None:
            progress(0.2, desc=OPENING)
            visit = login.open_visit(models)
        if seen is None:
            return [visit, words.advice(ENDED), "", *_vault_view(visit)]
        progress(0.6, desc=stage)
        text, bar = act(visit)
    except UserError as error:
        shown = _vault_view(visit) if visit else [gr.skip()] * 2
        return [visit or seen, words.advice(html.escape(str(error))), gr.skip(), *shown]
    return [visit, text, bar, *_vault_view(visit)]


def answer_more(
    models: Models, visit: Visit | str | None, act, progress: gr.Progress, stage: str
) -> list:
    """`answer`, where `act(visit)` gives a third thing to show, whose value comes last."""
    more = [gr.skip()]

    def only_two(visit: Visit) -> tuple[str, str]:
        text, bar, more[0] = act(visit)
        return text, bar

    return [*answer(models, visit, only_two, progress, stage), more[0]]


def _vault_view(visit: Visit) -> list:
    names = login_words.names_table(
        [(stolen.name, stolen.generator, stolen.time) for stolen in visit.vault.stolen()]
    )
    return [names, login.show_templates(visit)]


def enrol(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given = Given()
) -> tuple[str, str, str]:
    """What to say about the new templates, and a new key card. Raises what `ndcb.web.session.enrol`
    and `ndcb.web.sealed_session.enrol` do.
    """
    if login.is_sealed(generator):
        return _seal(visit, sealed_login.enrol, name, paths, generator, given)
    entry = login.enrol(visit, name, paths, generator)
    return *say(visit, login_words.enrolled(entry, _most_faces(visit, paths, generator))), ""


def renew(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given
) -> tuple[str, str, str]:
    """The same of sealed templates in the place of others. Raises what
    `ndcb.web.sealed_session.renew` does.
    """
    return _seal(visit, sealed_login.renew, name, paths, generator, given)


def _seal(
    visit: Visit, act, name: str, paths: list[str | None], generator: str, given: Given
) -> tuple[str, str, str]:
    was_plain = "face" in login.kinds_of(visit, name)
    entry, card = act(visit, name, paths, generator, given)
    text = login_sealed.stored(
        entry, card, _most_faces(visit, paths, generator), act is sealed_login.renew, was_plain
    )
    return *say(visit, text), login_sealed.card_view(card)


def _most_faces(visit: Visit, paths: list[str | None], generator: str) -> int:
    return max(len(login.find_faces(visit, path, generator)) for path in paths if path)


def log_in(
    visit: Visit, name: str, path: str | None, generator: str, threshold: float, given: Given
) -> tuple[str, str]:
    """Verdict and scale. Raises what `ndcb.web.session.log_in` and `ndcb.web.sealed_session.log_in`
    do.
    """
    if login.is_sealed(generator):
        return say(
            visit, login_sealed.verdict(sealed_login.log_in(visit, name, path, generator, given))
        )
    return judge(visit, login.log_in(visit, name, path, generator), generator, threshold)


def replay(visit: Visit, generator: str, threshold: float, given: Given) -> tuple[str, str]:
    """The same with the stolen template as the photo. Raises what `ndcb.attacks.thief.replay`
    does.
    """
    attempt = thief.replay(visit, given)
    if isinstance(attempt, SealedLogin):
        return say(visit, login_sealed.verdict(attempt))
    return judge(visit, attempt, generator, threshold)


def judge(visit: Visit, attempt: Login, generator: str, threshold: float) -> tuple[str, str]:
    """Verdict and scale of a login, which is kept as the last. The threshold is that of
    `generator`; another one has its record's.
    """
    visit.last = attempt
    limit = (
        threshold
        if attempt.generator == generator
        else thresholds.login_threshold(attempt.generator)
    )
    return login_words.verdict(attempt, limit), login_words.scale(attempt, limit)


def judge_again(visit: Visit | str | None, generator: str, threshold: float) -> list:
    """Verdict, scale and cost at another threshold; no model runs."""
    last = visit.last if isinstance(visit, Visit) else None
    shown = (
        judge(visit, last, generator, threshold)
        if last and last.generator == generator
        else [gr.skip()] * 2
    )
    return [*shown, login_words.cost(generator, threshold)]


def say(visit: Visit, text: str) -> tuple[str, str]:
    """What to say where nobody logged in, with an empty scale."""
    visit.last = None
    return text, ""


def default_threshold(generator: str) -> list:
    """The slider's value and its cost."""
    limit = thresholds.login_threshold(generator)
    return [round(limit, 3), login_words.cost(generator, limit)]


def show_kind(generator: str) -> list:
    """What is seen with a generator: the key's controls and Renew, or threshold and scale, which
    mean nothing where no distance is told.
    """
    sealed = login.is_sealed(generator)
    return [
        gr.Group(visible=sealed),
        gr.Button(visible=sealed),
        gr.Group(visible=not sealed),
        gr.HTML(visible=not sealed),
    ]


def use_sample(files: list[str], index: int, generator: str) -> list:
    """Photo, generator, threshold and cost; a generator of the sample's kind stays."""
    wanted = login.sample_pictures()[index][2]
    same = login.is_digit(wanted) == login.is_digit(generator)
    return [files[index], *([gr.skip()] * 3 if same else [wanted, *default_threshold(wanted)])]


def close(visit: Visit | str | None) -> None:
    login.close(visit if isinstance(visit, Visit) else None)


def forget(visit: Visit | str | None, paths: list[str | None]) -> None:
    """Close the vault and delete the visitor's files now; the page's own samples stay."""
    close(visit)
    private_files.delete(filter(None, paths))


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
    photo = Photo("Your photo", height=260, elem_id="login-photo")
    gr.Markdown(BLOCKED, elem_classes="privacy")
    gr.Markdown(
        "Or click a sample; the digits are in other hands than those in the vault:",
        elem_classes="privacy",
    )
    files = [private_files.save(picture, "sample.png") for picture, _, _ in login.sample_pictures()]
    captioned = [(file, caption) for file, (_, caption, _) in zip(files, login.sample_pictures())]
    tiles = gr.Gallery(
        captioned,
        label="Samples",
        show_label=False,
        columns=6,
        height=200,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="login-samples",
    )
    with gr.Accordion(
        f"More photos of the same person, to enrol with up to {MOST_PHOTOS}", open=False
    ):
        more = Photos(label="More photos", file_count="multiple", height=120, elem_id="login-more")
    choices = [*generators("faces"), *login_sealed.generators(), *generators("digits")]
    generator = gr.Dropdown(
        choices,
        value=choices[0][1],
        label="Generator: what makes the template",
        filterable=False,
        elem_id="login-generator",
    )
    name = gr.Textbox(
        label="Name", max_length=LONGEST_NAME, placeholder="such as Ann", elem_id="login-name"
    )
    key = login_sealed.controls()
    return {
        "photo": photo,
        "files": files,
        "tiles": tiles,
        "more": more,
        "generator": generator,
        "name": name,
        "key": key,
        **_buttons(),
    }


def _buttons() -> dict:
    texts = {
        "enrol": "Enrol",
        "verify": "Log in",
        "identify": "Who is it? (1:N)",
        "renew": "Renew",
        "revoke": "Revoke the name",
        "forget": "Delete my data",
    }
    with gr.Row():
        return {
            key: gr.Button(
                text,
                size="sm",
                min_width=130,
                variant="primary" if key == "verify" else "secondary",
                visible=key != "renew",
                elem_id=f"login-{key}",
            )
            for key, text in texts.items()
        }


def _results() -> dict:
    """The right half, with what is known before any model has run."""
    first = [*generators("faces"), *generators("digits")][0][1]
    value, rates = default_threshold(first)
    stored = examples.example(DEFAULT_FACES).template
    loot = [(private_files.save(stored, "stolen.png"), login.PORTRAIT)]
    shown = {
        "says": gr.HTML(login_words.start(), elem_id="login-verdict"),
        "card": gr.HTML("", elem_id="login-new-card"),
        "bar": gr.HTML(login_words.first_scale(), elem_id="login-scale"),
    }
    with gr.Group() as judged:
        shown |= {
            "threshold": gr.Slider(
                0,
                thresholds.FARTHEST / 2,
                value,
                step=0.001,
                elem_id="login-threshold",
                label="Login threshold (squared distance)",
            ),
            "rates": gr.HTML(rates, elem_id="login-rates"),
        }
    shown |= {
        "judged": judged,
        "people": gr.HTML(login_words.first_table(), elem_classes="names", elem_id="login-names"),
    }
    if login_sealed.generators():
        gr.Markdown(login_sealed.STORY)
    gr.Markdown(login_words.THIEF)
    shown["loot"] = gr.Gallery(
        loot,
        label="Stored templates",
        show_label=False,
        columns=4,
        height=200,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="thief",
    )
    with gr.Row():
        for key, text in {
            "replay": "Log in with the stolen template",
            "link": "Link it to the photo",
            "restore": "Restore a face",
        }.items():
            shown[key] = gr.Button(text, size="sm", min_width=150, elem_id=f"login-{key}")
    shown["thief"] = gr.HTML("", elem_id="login-thief")
    if login_sealed.generators():
        gr.Markdown(login_sealed.STILL)
    return shown | {"first_loot": loot}


def _wire(models: Models, form: dict, results: dict) -> None:
    visit = visit_state(lambda: FRESH, close)
    kept = gr.State(
        (), delete_callback=private_files.delete
    )  # paths alone, for as long as the window is open
    _wire_vault(models, form, results, visit)
    _wire_rest(form, results, visit, kept)


def _wire_vault(models: Models, form: dict, results: dict, visit: gr.State) -> None:
    photo, name, generator, threshold, more = (
        form["photo"],
        form["name"],
        form["generator"],
        results["threshold"],
        form["more"],
    )
    key = [form["key"][part] for part in ("source", "passphrase", "card")]
    outputs = [visit, *(results[part] for part in ("says", "bar", "people", "loot"))]
    private = {"api_visibility": "private", "show_progress_on": [results["says"]], **QUEUE}

    def on_enrol(
        seen: Visit | str | None,
        who: str,
        path: str | None,
        more: list,
        which: str,
        source: str,
        phrase: str,
        cards: list,
        progress=gr.Progress(),
    ) -> list:
        given = login_sealed.given(source, phrase, cards)
        return answer_more(
            models,
            seen,
            lambda visit: enrol(visit, who, [path, *more], which, given),
            progress,
            FINDING,
        )

    def on_renew(
        seen: Visit | str | None,
        who: str,
        path: str | None,
        more: list,
        which: str,
        source: str,
        phrase: str,
        cards: list,
        progress=gr.Progress(),
    ) -> list:
        given = login_sealed.given(source, phrase, cards)
        return answer_more(
            models,
            seen,
            lambda visit: renew(visit, who, [path, *more], which, given),
            progress,
            FINDING,
        )

    def on_verify(
        seen: Visit | str | None,
        who: str,
        path: str | None,
        which: str,
        limit: float,
        source: str,
        phrase: str,
        cards: list,
        progress=gr.Progress(),
    ) -> list:
        given = login_sealed.given(source, phrase, cards)
        return answer(
            models,
            seen,
            lambda visit: log_in(visit, who, path, which, limit, given),
            progress,
            LOGGING_IN,
        )

    def on_identify(
        seen: Visit | str | None, path: str | None, which: str, limit: float, progress=gr.Progress()
    ) -> list:
        return answer(
            models,
            seen,
            lambda visit: judge(visit, login.identify(visit, path, which), which, limit),
            progress,
            LOGGING_IN,
        )

    def on_revoke(seen: Visit | str | None, who: str, progress=gr.Progress()) -> list:
        return answer(
            models,
            seen,
            lambda visit: say(visit, login_words.revoked(who, visit.vault.revoke(who))),
            progress,
            "Revoking",
        )

    for button, handler in (("enrol", on_enrol), ("renew", on_renew)):
        form[button].click(
            handler,
            [visit, name, photo, more, generator, *key],
            [*outputs, results["card"]],
            **private,
        )
    form["verify"].click(
        on_verify, [visit, name, photo, generator, threshold, *key], outputs, **private
    )
    name.submit(on_verify, [visit, name, photo, generator, threshold, *key], outputs, **private)
    form["identify"].click(on_identify, [visit, photo, generator, threshold], outputs, **private)
    form["revoke"].click(on_revoke, [visit, name], outputs, **private)
    _wire_thief(models, form, results, visit, outputs)


def _wire_thief(models: Models, form: dict, results: dict, visit: gr.State, outputs: list) -> None:
    photo, generator, threshold = form["photo"], form["generator"], results["threshold"]
    key = [form["key"][part] for part in ("source", "passphrase", "card")]
    private = {"api_visibility": "private", "show_progress_on": [results["thief"]], **QUEUE}

    def on_steal(seen: Visit | str | None, event: gr.SelectData, progress=gr.Progress()) -> list:
        def act(visit: Visit) -> tuple[str, str, str]:
            text = login_words.stolen(thief.steal(visit, event.index).name)
            return *say(visit, text), text

        return answer_more(models, seen, act, progress, "Stealing")

    def on_replay(
        seen: Visit | str | None,
        which: str,
        limit: float,
        source: str,
        phrase: str,
        cards: list,
        progress=gr.Progress(),
    ) -> list:
        def act(visit: Visit) -> tuple[str, str, str]:
            text, bar = replay(visit, which, limit, login_sealed.given(source, phrase, cards))
            return text, bar, text

        return answer_more(models, seen, act, progress, "Trying the stolen template")

    def on_link(seen: Visit | str | None, path: str | None, progress=gr.Progress()) -> list:
        return try_theft(
            models,
            seen,
            lambda visit: login_sealed.linked(thief.link(visit, path)),
            progress,
            "Comparing",
        )

    def on_restore(seen: Visit | str | None, path: str | None, progress=gr.Progress()) -> list:
        return try_theft(
            models,
            seen,
            lambda visit: login_sealed.restored(thief.restore(visit, path)),
            progress,
            "Painting a face",
        )

    outputs = [*outputs, results["thief"]]
    results["loot"].select(on_steal, visit, outputs, **private)
    results["replay"].click(on_replay, [visit, generator, threshold, *key], outputs, **private)
    results["link"].click(on_link, [visit, photo], outputs, **private)
    results["restore"].click(on_restore, [visit, photo], outputs, **private)


def try_theft(
    models: Models, visit: Visit | str | None, act, progress: gr.Progress, stage: str
) -> list:
    """`answer_more` about what the thief tries at home: it is told there alone, and so is why it
    cannot be tried.
    """

    def at_home(visit: Visit) -> tuple[dict, dict, str]:
        try:
            return gr.skip(), gr.skip(), act(visit)
        except UserError as error:
            return gr.skip(), gr.skip(), words.advice(html.escape(str(error)))

    return answer_more(models, visit, at_home, progress, stage)


def _wire_rest(form: dict, results: dict, visit: gr.State, kept: gr.State) -> None:
    photo, more, generator, threshold, rates = (
        form["photo"],
        form["more"],
        form["generator"],
        results["threshold"],
        results["rates"],
    )
    private = {"api_visibility": "private", "show_progress": "hidden"}

    def on_file(given: str | list | None, paths: tuple) -> tuple:
        return *paths, *([given] if isinstance(given, str) else given or [])

    def on_sample(which: str, event: gr.SelectData) -> list:
        return use_sample(form["files"], chosen(range(len(form["files"])), event), which)

    def on_threshold(seen: Visit | str | None, which: str, limit: float) -> list:
        return judge_again(seen, which, limit)

    def on_forget(seen: Visit | str | None, paths: tuple, path: str | None, others: list) -> list:
        forget(seen, [*paths, path, *others])
        return [
            FRESH,
            (),
            None,
            None,
            "",
            words.advice(login_words.NOTHING_KEPT),
            "",
            login_words.first_table(),
            results["first_loot"],
            "",
            "",
            "",
            None,
        ]

    photo.input(on_file, [photo, kept], kept, **private, **LATEST)
    more.upload(on_file, [more, kept], kept, **private, **LATEST)
    card = form["key"]["card"]
    card.upload(on_file, [card, kept], kept, **private, **LATEST)
    generator.change(
        show_kind,
        generator,
        [form["key"]["group"], form["renew"], results["judged"], results["bar"]],
        **private,
    )
    form["tiles"].select(on_sample, generator, [photo, generator, threshold, rates], **private)
    generator.input(default_threshold, generator, [threshold, rates], **private, **LATEST)
    threshold.input(
        on_threshold,
        [visit, generator, threshold],
        [results["says"], results["bar"], rates],
        **private,
        **LATEST,
    )
    cleared = [
        visit,
        kept,
        photo,
        more,
        form["name"],
        *(results[part] for part in ("says", "bar", "people", "loot", "card", "thief")),
        form["key"]["passphrase"],
        card,
    ]
    form["forget"].click(
        on_forget, [visit, kept, photo, more], cleared, api_visibility="private", **QUEUE
    )


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show. It never tells the distance:
    who may ask for it as often as they like can climb towards a picture that is accepted.
    """
    reference, probe = Photo("reference", visible=False), Photo("probe", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    result = gr.JSON(label="result", visible=False)

    def answer_login(reference: str | None, probe: str | None, generator: str) -> dict:
        """Does this photo log in with this template? `reference`: the template as it was stored
        (PNG, 160x160, or 28x28 of a digit); `probe`: a plain photo, the largest face counts;
        `generator`: what made the template. Answers {"accepted": true or false}.
        """
        try:
            return {"accepted": login.accepts(models, reference, probe, generator)}
        except UserError as error:
            raise refusal(str(error)) from None

    gr.Button(visible=False).click(
        answer_login, [reference, probe, generator], result, api_name="login", **QUEUE
    )
