"""Non-distortive cancelable biometrics (arXiv 2401.15048).

    picture -> detector -> aligned face -> generator -> template -> recogniser -> embedding
            -> distance -> decision

A generator turns a face into a template: a picture that differs from the face as much as possible,
while a frozen recogniser still sees the same person. The template is stored for login. A plain
photo logs in when its embedding is near the template's.

    from ndcb.models.pipeline import Models
    models = Models()
    face = models.find("photo.jpg")[0]  # aligned, 160x160; or NoFaceFound
    result = models.distorter("sface-bottleneck").distort(face)
    result.template, result.distances, result.embedding_distance, result.decision

With a key, which lies elsewhere, a template can be revoked and renewed. Without the key it reveals
nothing about the face (`ndcb.vault.seals`):

    from ndcb.vault.key_sources import Passphrase
    from ndcb.vault.vault import Vault
    vault = Vault("vault.sqlite", models, "keys.sqlite")
    vault.enrol_sealed("Ann", ["ann.jpg"], Passphrase("correct horse battery"))
    vault.verify_sealed("Ann", "photo.jpg", Passphrase("correct horse battery"))  # True or False
"""
