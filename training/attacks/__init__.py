"""What a thief of the database gets out of a template.

`attackers` learn to restore the photo, and `figures` say how far they get. `attack` runs both, and
writes what comes of it.
"""
