"""What a profile says of a source that fails by chance: of every query that it may fail, of none that it will.

Such a source was seen to fail a query, and to answer the same one a moment later. Whatever else was seen of keys is
still told, so that a person can read it; but no answer can be relied on.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NOTE = "A query that failed was answered when it was asked again: any query may fail here, and nothing is certain."


def unsteady(profile: Json) -> Json:
    """Return a profile in which nothing is refused for certain, and every query may fail."""
    out = {name: _told(value) if name in ("statements", "interactions") else value for name, value in profile.items()}
    service = {name: value for name, value in out.get("service", {}).items() if name != "selectors"}
    if service:
        out["service"] = service
    else:
        out.pop("service", None)
    every: Json = {
        "id": "unsteady", "when": {}, "then": {"query": {"does": "applied", "adds": ["other"], "misses": ["other"]}},
        "because": "a query that failed was answered when it was asked again", "evidence": "probe",
    }  # fmt: skip
    out["interactions"] = [*out.get("interactions", ()), every]
    out["notes"] = [NOTE, *out.get("notes", ())]
    return out


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("does") == "refused":
        return {"one-of": [value, {"does": "applied", "adds": ["other"], "misses": ["other"]}]}
    return {name: _told(one) for name, one in value.items()}
