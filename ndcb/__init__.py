"""Non-distortive cancelable biometrics (arXiv 2401.15048).

    picture -> detector -> aligned face -> generator -> template -> recogniser -> embedding -> distance -> decision
    images     detectors                   generators               recognisers                distances

A generator turns a face into a picture that differs as much as possible while a frozen recogniser still sees the same person.
The picture is stored as the login template; a plain photo logs in when its embedding is near the template's.

    from ndcb.pipeline import Models
    models = Models()
    face = models.find("photo.jpg")[0]                        # aligned 160x160, or NoFaceFound
    result = models.distorter("faces-bottleneck").distort(face.image)    # .template, .distances, .embedding_distance, .decision
"""
