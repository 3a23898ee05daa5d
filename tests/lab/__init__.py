"""The lab: real servers on loopback, a synthetic archive, and what they make of several hundred queries.

Used by ``tests/test_servers.py``, ``tools/lab.py`` and ``tools/score.py`` (``docs/lab.md``).
"""
