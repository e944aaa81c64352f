"""What each event of the tab shows next: values by the names of the components."""

from PIL import Image

from ndcb.core.terms import UserError
from ndcb.models.pipeline import Models
from ndcb.web import words
from ndcb.web.tabs.embedding.space import PEOPLE, Space
from ndcb.web.tabs.embedding.visit import Visit, show, take, with_file
from ndcb.web.visits import ENDED, delete_files
from ndcb.web.wiring import Answer

NOTHING_KEPT = "Your data is deleted: the picture, its template and both embeddings."


class Handlers:
    """The events of people or of digits."""

    def __init__(self, models: Models, space: Space):
        self.models = models
        self.space = space

    def on_choice(
        self, generator: str, classes: list[str], view: str, seen: Visit | None
    ) -> Answer:
        if seen is None:
            return self.begin_again(generator, classes, view, ENDED)
        return {"visit": seen, **show(self.space, generator, classes, view, seen)}

    def on_given(
        self,
        picture: str | Image.Image | None,
        generator: str,
        classes: list[str],
        view: str,
        seen: Visit | None,
    ) -> Answer:
        if picture is None and self.space.kind is PEOPLE:  # the photo was cleared
            return {}
        visit = with_file(seen or Visit(), picture)
        try:
            visit = take(self.models, self.space, picture, visit)
        except UserError as error:
            return {"visit": visit, "said": words.advice(str(error))}
        return {"visit": visit, **show(self.space, generator, classes, view, visit)}

    def on_forget(
        self, generator: str, classes: list[str], view: str, seen: Visit | None
    ) -> Answer:
        delete_files(seen)
        return self.begin_again(generator, classes, view, NOTHING_KEPT)

    def begin_again(self, generator: str, classes: list[str], view: str, text: str) -> Answer:
        """Nothing of the visitor's is on screen, and why."""
        shown = show(self.space, generator, classes, view, Visit())
        said = shown["said"] or words.advice(text)
        return {"source": None, "visit": Visit(), **shown, "said": said}
