"""What figures are called in tables and sentences."""

ENROLLED = {"plain": "photo", "template": "**template**", "plain_again": "another photo"}
"""What a login stores, on the page."""
REFERENCES = {"plain": "plain photo", "template": "template"}
"""The same in report.md, without the second photo of the paper's code."""
DATA = {"lfw": "Face, LFW", "mnist": "Numbers, MNIST"}
"""Data as the paper's Table 6 calls them."""
DISTANCES = {
    "l1": ("L1, mean absolute difference", "Eq. 11"),
    "mse": ("MSE, mean squared difference", "the paper's tables"),
    "l2": ("L2, Frobenius norm / n", "Eq. 12"),
    "dssim": ("DSSIM, structural dissimilarity", "Eq. 14"),
    "sobel": ("Sobel, difference on edges", "Eq. 17"),
    "combined": ("Combined, half L1, half Sobel", "Eq. 18"),
}
"""Distance of a picture and its template -> what it is called, and where the paper defines it."""
FAILURES = {
    "blank": "blank output",
    "contours_kept": "contours kept",
    "only_colours_changed": "only colours changed",
}
"""The failures of the paper's Table 5."""
FNMRS = {"FNMR at FMR 1 %": "fnmr_at_fmr_1e-2", "FNMR at FMR 0.1 %": "fnmr_at_fmr_1e-3"}
"""Column -> key."""
ACCEPTED = {
    "EER": "eer",
    "TAR at FMR 1 %": "tar_at_fmr_1e-2",
    "TAR at FMR 0.1 %": "tar_at_fmr_1e-3",
}
"""Column -> key, of a second recogniser."""
JUDGES = {"facenet": "FaceNet", "sface": "SFace", "dlib": "dlib"}
"""Recognisers that say whom a restored picture shows: key in summary.json -> name."""


def judge_key(recogniser: str) -> str:
    """A recogniser's name, such as facenet-casia-webface -> its key in JUDGES."""
    return recogniser.partition("-")[0]
