"""What tells whether the judge is right: the reference matcher, a source that executes its profile, random worlds.

Nothing here shares code with ``judge``; the matcher knows the language, the simulated source knows the profiles.
"""
