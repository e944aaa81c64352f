"""What arXiv 2401.15048 prints in its tables, to stand beside what is measured here. Nothing else
in this project is typed by hand.
"""

TABLE_3 = {
    "mnist": {
        "0": (0.791, 0.129, 0.082),
        "1": (0.886, 0.057, 0.031),
        "2": (0.850, 0.128, 0.108),
        "3": (0.850, 0.113, 0.109),
        "4": (0.773, 0.104, 0.049),
        "5": (0.843, 0.120, 0.106),
        "6": (0.826, 0.112, 0.058),
        "7": (0.845, 0.096, 0.062),
        "8": (0.838, 0.115, 0.087),
        "9": (0.800, 0.097, 0.048),
    },
    "lfw": {
        "George_W_Bush": (0.295, 0.046, 0.129),
        "Colin_Powell": (0.267, 0.042, 0.132),
        "Tony_Blair": (0.298, 0.046, 0.122),
        "Donald_Rumsfeld": (0.278, 0.045, 0.120),
        "Gerhard_Schroeder": (0.293, 0.043, 0.107),
        "Ariel_Sharon": (0.273, 0.046, 0.145),
        "Hugo_Chavez": (0.263, 0.041, 0.126),
        "Junichiro_Koizumi": (0.319, 0.045, 0.126),
        "John_Ashcroft": (0.282, 0.039, 0.116),
        "Jacques_Chirac": (0.297, 0.051, 0.106),
    },
}
"""A class's distances between a picture and a generated one, two pictures, and two generated ones;
the paper's "L2" is the mean squared error, as its code and its values show.
"""

TABLE_4 = {
    "mnist": {
        "plain": {
            "tp": 1174,
            "fn": 26,
            "fp": 29,
            "tn": 1171,
            "precision": 0.9759,
            "recall": 0.9783,
            "f1": 0.9771,
        },
        "template": {"tp": 1171, "fp": 32, "precision": 0.9734, "recall": 0.9758, "f1": 0.9746},
    },
    "lfw": {
        "plain": {
            "tp": 1130,
            "fn": 70,
            "fp": 80,
            "tn": 1120,
            "precision": 0.9334,
            "recall": 0.9417,
            "f1": 0.9378,
        },
        "template": {"tp": 1142, "fp": 57, "precision": 0.9525, "recall": 0.9517, "f1": 0.9521},
    },
}
"""One draw of three classes. Its "template" row was computed with undistorted photos enrolled (see
`training.evaluation.paper`).
"""

TABLE_6 = [
    ("Yang et al. (2022b)", "Fingerprint, FVC2002", "0.5 - 4.5"),
    ("Yang et al. (2022b)", "Fingerprint, FVC2004", "2.7 - 6.3"),
    ("Yang et al. (2022b)", "Face, LFW", "1.9"),
    ("Yang et al. (2022b)", "Fingerprint, FVC2002", "7.6 - 9.4"),
    ("Yang et al. (2022b)", "Fingerprint, FVC2004", "15.6"),
    ("Kaur and Khanna (2020)", "Face, CASIA", "2.2 - 9.3"),
    ("Yang et al. (2021)", "Fingerprint, FVC2002", "1.0 - 4.0"),
    ("Yang et al. (2021)", "Fingerprint, FVC2004", "11"),
    ("Wang et al. (2017b)", "Fingerprint, FVC2002", "1.0 - 5.2"),
    ("Wang et al. (2017b)", "Fingerprint, FVC2004", "13.3"),
    ("The paper", "Numbers, MNIST", "2.5"),
    ("The paper", "Face, LFW", "4.8"),
]
"""(source, pictures, EER in percent)."""
