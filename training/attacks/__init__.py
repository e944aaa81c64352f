"""What a thief of the database gets out of a template.

`attackers` learn to restore the photo, `figures` say how far they get, and `report` puts that into
words. `training.attacks.attack` runs all three.
"""
