"""What a thief of the database gets out of a template: `attackers` learn to give the photo back,
`figures` say how far they get, `report` puts that into words. `training.attacks.attack` is the way
through all three.
"""
