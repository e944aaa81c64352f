"""What can be trained: a frozen config for each kind of model, and a function for each preset."""

from dataclasses import dataclass, replace

from ndcb.generators.bottleneck import BottleneckConfig
from ndcb.generators.sealed import SealedConfig
from ndcb.generators.unet import UNetConfig
from ndcb.recognisers.digits import DigitEmbedderConfig


@dataclass(frozen=True)
class Schedule:
    """How long to train, how fast, and how often to save; for every kind of model."""

    steps: int
    """Number of optimiser steps in all."""
    batch: int = 64
    """Number of pictures in a step, over all devices together."""
    lr: float = 1e-4
    """Adam's learning rate; with `cosine` its peak."""
    cosine: bool = False
    """The learning rate rises over the first twentieth of the steps, then falls to zero along a
    cosine. Otherwise it is constant, as in the paper.
    """
    seed: int = 0
    """Fixes the initial weights and the order of the pictures."""
    save_every: int = 200
    """Save after so many steps: the state that a stopped run goes on from, loss curves, and a grid
    of pictures.
    """


@dataclass(frozen=True)
class EmbedderTraining:
    """Train the digit recogniser with the triplet loss (Eq. 4, Algorithm 1)."""

    preset: str
    """Name of the preset and of the checkpoint."""
    schedule: Schedule
    """Length and speed."""
    model: DigitEmbedderConfig = DigitEmbedderConfig()
    """The network."""
    margin: float = 0.2
    """mu of Eq. 4."""
    all_triplets: bool = False
    """Use every triplet of a batch that still has a loss. Otherwise one random triplet for each
    digit, as in the paper.
    """
    augment: bool = False
    """Turn, shift and scale the digits a little before each step."""
    limit: int | None = None
    """Use only so many pictures of each part of the data, the first ones. For tests."""
    label: str = ""
    """The checkpoint's name on the page. Default: the preset's name."""


@dataclass(frozen=True)
class GeneratorTraining:
    """Train a generator against a frozen recogniser (Eq. 7-9)."""

    preset: str
    """Name of the preset and of the checkpoint."""
    schedule: Schedule
    """Length and speed."""
    model: UNetConfig
    """The network."""
    dataset: str
    """`lfw` or `mnist`."""
    recogniser: str
    """Name of the frozen recogniser F."""
    distance: str
    """Distance of pictures in Eq. 8: l1, mse, l2, dssim, sobel or combined (`ndcb.core.distances`),
    or unexplained (`training.loops.decorrelation`).
    """
    alpha: float
    """Margin of Eq. 9: below this squared embedding distance there is no embedding loss."""
    pi_emb: float
    """Weight of the embedding loss in Eq. 7, in [0, 1]."""
    pi_hold: float = 0.0
    """Share of the steps at the beginning with pi_emb at 1: templates must be recognised before
    they must differ from the photo.
    """
    pi_ramp: float = 0.0
    """Share of the steps, after those of pi_hold, over which pi_emb falls from 1 to its value. It
    keeps a generator from starting with a saturated blank picture.
    """
    limit: int | None = None
    """Use only so many pictures of each part of the data, the first ones. For tests."""
    label: str = ""
    """The checkpoint's name on the page. Default: the preset's name."""
    series: str | None = None
    """The comparison that the model belongs to: `alpha`, that of Figure 12."""


@dataclass(frozen=True)
class BottleneckTraining:
    """Train a generator that reads F(X) only, so that F(T) equals F(X)."""

    preset: str
    """Name of the preset and of the checkpoint."""
    schedule: Schedule
    """Length and speed."""
    model: BottleneckConfig = BottleneckConfig()
    """The network."""
    recogniser: str = "facenet-casia-webface"
    """Name of the frozen recogniser F."""
    alpha: float = 0.2
    """Margin of Eq. 9, which the measured embedding error is compared with. The training itself
    minimises the squared embedding distance without a margin.
    """
    mix: float = 0.5
    """Half of the embeddings are mixed with another person's; this is its largest share."""
    noise: float = 0.7
    """Half of the embeddings get noise, at most so many times the spread of people's embeddings."""
    uniformity: float = 0.0
    """Weight of the objective against transfer to other recognisers. It penalises the variance of
    the templates' blocks between people.
    """
    uniformity_block: int = 8
    """Side of these blocks in pixels. Detail finer than a block is not penalised."""
    uniformity_from: float = 0.0
    """Share of the steps before this objective begins. Until then, templates only learn to be
    recognised.
    """
    disturbed: float = 0.0
    """Share of each batch that is shrunk and enlarged again before F sees it."""
    compressed: float = 0.0
    """Share of each batch that is saved as a JPEG before F sees it."""
    limit: int | None = None
    """Use only so many pictures of each part of the data, the first ones. For tests."""
    label: str = ""
    """The checkpoint's name on the page. Default: the preset's name."""


@dataclass(frozen=True)
class SealedTraining:
    """Train a generator that is given a direction, turned by a secret key, so that F(T) has this
    direction.
    """

    preset: str
    """Name of the preset and of the checkpoint."""
    schedule: Schedule
    """Length and speed."""
    model: SealedConfig = SealedConfig()
    """The network."""
    decoder_of: str | None = "faces-bottleneck"
    """Checkpoint of a bottleneck generator whose decoder is trained on. None: begin with random
    weights.
    """
    recogniser: str = "facenet-casia-webface"
    """Name of the frozen recogniser F."""
    exponent: float = 0.25
    """Each principal direction of people's embeddings is divided by its variance to this power.
    Chosen, with the number of directions, by the EER of development people.
    """
    alpha: float = 0.1
    """Margin that the measured squared distance of directions is compared with."""
    limit: int | None = None
    """Use only so many pictures of each part of the data, the first ones. For tests."""
    label: str = ""
    """The checkpoint's name on the page. Default: the preset's name."""


Training = EmbedderTraining | GeneratorTraining | BottleneckTraining | SealedTraining


def digits_embedder() -> EmbedderTraining:
    """The paper's network and loss, with more triplets a step, a higher rate and turned digits.

    It gives a better recogniser, sooner.
    """
    return EmbedderTraining(
        "digits-embedder",
        Schedule(steps=4000, batch=128, lr=2e-3, cosine=True, save_every=500),
        DigitEmbedderConfig(width=16),
        all_triplets=True,
        augment=True,
        label="Digits: recogniser",
    )


def digits_embedder_paper() -> EmbedderTraining:
    """Section 4.2 as printed."""
    return EmbedderTraining(
        "digits-embedder-paper",
        Schedule(steps=20000, lr=5e-5, save_every=1000),
        label="Digits: recogniser, as printed",
    )


def digits(alpha: float = 0.3, preset: str = "digits") -> GeneratorTraining:
    """Section 4.3's MNIST settings.

    Its L2 distance is the mean squared error, as in the paper's code and tables; Eq. 12 as printed
    is the root of that divided by 28.
    """
    return GeneratorTraining(
        preset,
        Schedule(steps=13000, lr=1e-4, save_every=500),
        UNetConfig(channels=1, size=28, width=32, depth=1, fold=2),
        dataset="mnist",
        recogniser="digits-embedder",
        distance="mse",
        alpha=alpha,
        pi_emb=0.9,
        label="Digits: alpha 0.3, the paper's choice",
    )


def digits_alpha(alpha: float) -> GeneratorTraining:
    """One of the series for Figure 12: `digits` at another margin.

    The rate is three times as high, so fewer steps are enough.
    """
    return replace(
        digits(alpha, f"digits-alpha-{alpha:g}"),
        schedule=Schedule(steps=3000, lr=3e-4, save_every=500),
        label=f"Digits: alpha {alpha:g}",
        series="alpha",
    )


def faces_paper() -> GeneratorTraining:
    """Section 4.3's LFW settings at the paper's size."""
    return GeneratorTraining(
        "faces-paper",
        Schedule(steps=20000),
        UNetConfig(width=64),
        dataset="lfw",
        recogniser="facenet-casia-webface",
        distance="combined",
        alpha=0.2,
        pi_emb=0.1,
        label="Faces: the paper's U-Net at its size, T = G(X)",
    )


def faces() -> GeneratorTraining:
    """The same objective at the size that ships.

    With the ramp and the higher rate, an hour on two CPU cores is enough.
    """
    return replace(
        faces_paper(),
        preset="faces",
        model=UNetConfig(width=16, fold=2),
        pi_ramp=0.15,
        schedule=Schedule(steps=1600, batch=16, lr=1e-3, cosine=True, save_every=50),
        label="Faces: the paper's U-Net, T = G(X)",
    )


def faces_concealing() -> GeneratorTraining:
    """The paper's architecture, trained to conceal.

    The template is to be uncorrelated with the face in every colour, place and scale.
    """
    return replace(
        faces(),
        preset="faces-concealing",
        distance="unexplained",
        alpha=0.05,
        pi_emb=0.7,
        pi_hold=0.1,
        pi_ramp=0.3,
        label="Faces: the paper's U-Net, trained against recolouring",
    )


def faces_bottleneck() -> BottleneckTraining:
    """T = D(F(X)): a carrier picture, changed by at most an eighth of the range.

    Templates of two people differ in the finest detail only.
    """
    return BottleneckTraining(
        "faces-bottleneck",
        Schedule(steps=1600, batch=16, lr=1e-3, cosine=True, save_every=50),
        BottleneckConfig(change=0.12),
        uniformity=200.0,
        uniformity_block=2,
        uniformity_from=9 / 16,
        label="Faces: bottleneck, T = D(F(X))",
    )


def sface_bottleneck() -> BottleneckTraining:
    """`faces_bottleneck` against SFace, 112x112. Templates outlast JPEG and half their size: what
    is finer than four pixels may differ between people, not only what is finer than two.
    """
    return BottleneckTraining(
        "sface-bottleneck",
        Schedule(steps=3000, batch=16, lr=1e-3, cosine=True, save_every=50),
        BottleneckConfig(128, 128, (320, 224, 128, 64), change=0.12, start=7),
        recogniser="sface",
        uniformity=200.0,
        uniformity_block=4,
        uniformity_from=9 / 16,
        disturbed=0.35,
        compressed=0.35,
        label="Faces: bottleneck for SFace, T = D(F(X))",
    )


def faces_sealed() -> SealedTraining:
    """T = D(R_k z(X)): revocable, and without the key it reveals nothing."""
    return SealedTraining(
        "faces-sealed",
        Schedule(steps=500, batch=16, lr=3e-4, cosine=True, save_every=50),
        label="Faces: sealed with a key, T = D(R z(X))",
    )


def sface_sealed() -> SealedTraining:
    """`faces_sealed` against SFace, whose embeddings use nearly all of their 128 directions: with
    64 of them the development people's FNMR at FMR 0.1 % is three times as large, with 112 it is
    the same.
    """
    return SealedTraining(
        "sface-sealed",
        Schedule(steps=500, batch=16, lr=3e-4, cosine=True, save_every=50),
        SealedConfig(112, 128, 128, (320, 224, 128, 64), 0.12, start=7),
        decoder_of="sface-bottleneck",
        recogniser="sface",
        label="Faces: sealed with a key, for SFace",
    )


ALPHAS = (0.0, 0.1, 0.2, 0.4, 0.8)
PRESETS = {
    "digits-embedder": digits_embedder(),
    "digits-embedder-paper": digits_embedder_paper(),
    "digits": digits(),
    **{f"digits-alpha-{alpha:g}": digits_alpha(alpha) for alpha in ALPHAS},
    "faces-paper": faces_paper(),
    "faces": faces(),
    "faces-concealing": faces_concealing(),
    "faces-bottleneck": faces_bottleneck(),
    "faces-sealed": faces_sealed(),
    "sface-bottleneck": sface_bottleneck(),
    "sface-sealed": sface_sealed(),
}


def smoke() -> list[Training]:
    """Ten steps of everything, small."""
    schedule = Schedule(steps=10, batch=4, lr=1e-3, cosine=True, save_every=4)
    small_unet, small_widths = UNetConfig(3, 160, 4, 2, 2), (16, 8, 8, 8, 8)

    def small(training: Training, limit: int, model, **changes) -> Training:
        changes = {"schedule": schedule, "limit": limit, "model": model} | changes
        return replace(training, preset=f"smoke-{training.preset}", **changes)

    return [
        small(digits_embedder(), 200, DigitEmbedderConfig(4), schedule=replace(schedule, batch=32)),
        small(digits(), 200, UNetConfig(1, 28, 4, 1, 2)),
        small(faces(), 16, small_unet),
        small(faces_concealing(), 16, small_unet),
        small(
            faces_bottleneck(),
            16,
            BottleneckConfig(512, 8, small_widths, 0.12),
            uniformity=1.0,
            uniformity_from=0.5,
            disturbed=0.5,
        ),
        small(faces_sealed(), 16, SealedConfig(4, 512, 8, small_widths), decoder_of=None),
        small(
            sface_bottleneck(),
            16,
            BottleneckConfig(128, 8, (16, 8, 8, 8), 0.12, start=7),
            uniformity_from=0.5,
        ),
    ]
