"""Templates in one database, what opens the sealed ones in another; `vault` is where to begin.

    enrol              photos -> sights -> enrolment -> rows -> database
    verify, identify   photo -> sights -> matching <- templates <- rows
    sealed templates   key_sources, key_card -> seals -> keys; key_store -> database

Beside them: what a name may be (`names`), and whether photos show one person (`one_person`).
"""
