"""What every measurement of sealed templates starts from.

Each picture has a template under a key of its own, and the template has a direction.
"""

import hashlib
from functools import cached_property

import numpy as np
import torch

from ndcb.core.tensors import quantise
from ndcb.generators.sealed import Directions
from ndcb.models.checkpoints import Checkpoint
from ndcb.vault.keys import rotation
from training.data.material import Material
from training.data.pictures import Pictures


class SealedMaterial(Material):
    """`Material` of a sealed generator: picture i's template is made with key i of a set.

    Another set has other keys; with `one_key` a set has one key for all. The keys are hashes of
    fixed words, so that figures can be computed again.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        recogniser: torch.nn.Module,
        pictures: Pictures,
        keys: int = 0,
        one_key: bool = False,
    ):
        super().__init__(checkpoint, recogniser, pictures)
        self.keys, self.one_key = keys, one_key
        self.generator = checkpoint.model
        self.size = self.generator.config.directions
        self.directed = Directions(recogniser, self.generator).eval()

    def with_keys(self, keys: int, one_key: bool = False) -> "SealedMaterial":
        """The same pictures under other keys."""
        return SealedMaterial(self.checkpoint, self.recogniser, self.pictures, keys, one_key)

    def turns(self, rows: np.ndarray) -> np.ndarray:
        """R_k of each row's key, (len(rows), d, d), float32."""
        owners = np.zeros_like(rows) if self.one_key else rows
        turns = {owner: rotation(self._key(owner), self.size) for owner in np.unique(owners)}
        return np.stack([turns[owner] for owner in owners]).astype(np.float32)

    def _key(self, owner: int) -> bytes:
        return hashlib.sha256(f"key of set {self.keys} for picture {owner}".encode()).digest()

    def directions(self, rows: np.ndarray) -> np.ndarray:
        """z(F(X)), (len(rows), d)."""
        return self._directions(self.real(rows))

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """R_k z(F(X)), (len(rows), d): the direction that each template is to have."""
        return turned(self.turns(rows), self.directions(rows))

    def said(self, rows: np.ndarray) -> np.ndarray:
        """z(F(T)), (len(rows), d): the direction that each template has."""
        return self._directions(self.shifted(rows))

    def opened(self, rows: np.ndarray) -> np.ndarray:
        """R_k^-1 z(F(T)), (len(rows), d): each template's direction, turned back with its key.

        Its distance to z(F(X')) is what `verify` computes of a probe X'.
        """
        return turned(self.turns(rows).transpose(0, 2, 1), self.said(rows))

    @cached_property
    def test_directions(self) -> np.ndarray:
        """z(F(X)) of the test part."""
        return self.directions(self.test)

    @cached_property
    def test_opened(self) -> np.ndarray:
        """R_k^-1 z(F(T)) of the test part."""
        return self.opened(self.test)

    def _make(self, rows: np.ndarray) -> torch.Tensor:
        return quantise(self.generator(torch.from_numpy(self.targets(rows)).to(self.device))).cpu()

    @torch.inference_mode()
    def _directions(self, embeddings: np.ndarray) -> np.ndarray:
        return self.generator.direction(torch.from_numpy(embeddings).to(self.device)).cpu().numpy()

    def _kept(self, name: str, code: list, rows: np.ndarray, compute, what: str) -> np.ndarray:
        name = f"keys{self.keys}{'-one' if self.one_key else ''}-{name}"
        return super()._kept(name, [rotation, *code], rows, compute, what)


def turned(turns: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Each direction turned by its own matrix: (n, d, d) and (n, d) -> (n, d)."""
    return np.einsum("nij,nj->ni", turns, directions)
