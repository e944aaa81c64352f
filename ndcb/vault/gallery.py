"""All embeddings of a vault, in matrices: read in large chunks, and kept until somebody writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ndcb.vault.kept import Kept, are_sound, squared_lengths, unpacked
from ndcb.vault.rows import TemplateDatabase
from ndcb.vault.templates import Embeddings

MOST_BYTES = 2**31
"""Of embeddings that stay in memory: two million of FaceNet's. A larger vault is read each time."""
BLOCK = 2048
"""Embeddings that are turned to full precision at once, so that they stay in the core's cache."""


@dataclass(frozen=True)
class Part:
    """Templates of one generator and one recogniser, in the order of their rows."""

    generator: str
    recogniser: str
    weights: str
    """As in `ndcb.vault.kept.Kept`."""
    ids: np.ndarray
    """(n,), of the templates' rows."""
    embeddings: torch.Tensor
    """(n, m), float16, of unit length."""
    squared_lengths: torch.Tensor
    """(n,), float32."""

    def squared_distances(self, embedding: torch.Tensor) -> torch.Tensor:
        """(n,), float32: of each to the embedding (m,); as |a|^2 + |b|^2 - 2ab."""
        products = torch.cat([block.float() @ embedding for block in self.embeddings.split(BLOCK)])
        lengths = self.squared_lengths + embedding.square().sum()
        return (lengths - 2 * products).clamp(min=0)


@dataclass(frozen=True)
class Rest:
    """Templates whose embedding is not kept, or damaged."""

    ids: np.ndarray


class Gallery:
    """The embeddings of a database.

    What was read stays in memory while nobody writes the database, up to MOST_BYTES. `known` is
    told to forget what is revoked.
    """

    def __init__(self, database: TemplateDatabase, known: Embeddings):
        self.database, self.known = database, known
        self.forget()

    def forget(self) -> None:
        self._state, self._read_then = None, []

    def parts(self) -> Iterator[Part | Rest]:
        """Every template once. A damaged embedding's template is in the `Rest`.

        Whether an embedding belongs to the template that lies beside it now is not looked at.
        """
        state = self.database.state()
        if state is not None and state == self._state:
            yield from self._read_then
            return

        self.forget()
        parts, size = [], 0
        for part in self._read():
            size += part.embeddings.nbytes if isinstance(part, Part) else part.ids.nbytes
            parts = [*parts, part] if size <= MOST_BYTES else []
            yield part
        if size <= MOST_BYTES:
            self._read_then, self._state = parts, state

    def _read(self) -> Iterator[Part | Rest]:
        ids = self.database.ids()
        self.known.keep_only_ids(ids)
        found = []
        for rows in self.database.kept_in_chunks():
            for part in _parts(rows, ids):
                found.append(part.ids)
                yield part
        yield Rest(np.setdiff1d(ids, np.concatenate(found)) if found else ids)


def _parts(rows: Sequence[Kept], ids: np.ndarray) -> Iterator[Part]:
    """The sound ones of these rows whose templates are still there."""
    groups: dict[tuple, list[Kept]] = {}
    for row in rows:
        if row.is_whole:
            key = (row.generator, row.recogniser, row.weights, len(row.embedding))
            groups.setdefault(key, []).append(row)

    for (generator, recogniser, weights, _), group in groups.items():
        embeddings = unpacked([row.embedding for row in group])
        templates = np.array([row.template for row in group])
        usable = are_sound(embeddings) & torch.from_numpy(np.isin(templates, ids))
        embeddings, templates = embeddings[usable], templates[usable.numpy()]
        if len(templates):
            lengths = squared_lengths(embeddings)
            yield Part(generator, recogniser, weights, templates, embeddings, lengths)
