"""What a probe would send, with placeholders for the values that it would find first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worklint.knowledge import standard
from worklint.network import pairs
from worklint.network.ask import Manners, name_of
from worklint.network.dimse import identity_paths
from worklint.network.measure import PATTERNED, RANGED
from worklint.network.subjects import PRIVATE, subjects


def lines(transport: str, models: Sequence[str], manners: Manners) -> list[str]:
    """Return the outline of a probe: limits, then each query, in order."""
    out = [
        f"At most {manners.queries} queries, {manners.per_second:.0f} a second, {manners.rows} rows an answer "
        f"(then {'C-CANCEL' if transport == 'dimse' else 'limit'}), {manners.seconds / 60:.0f} minutes. "
        "Nothing is written to the source.",
        "‹value› stands for a value that the source shows; what does not fit into the budget is left out, and told.",
    ]
    for name in models:
        model = standard.model(name)
        if model is None or (transport == "dicomweb" and name != "study-root"):
            continue
        for level in model.levels:
            out.append(f"{name}, {level}:")
            out += [f"  {line}" for line in _level(name, level)]
        options = [o.option for o in standard.negotiation_options(name) if o.option != "reserved"]
        if options and transport == "dimse":
            out.append(f"{name}: negotiate {', '.join(options)}; a pair of queries for each that is granted")
    return out


def _level(model: str, level: str) -> Iterator[str]:
    names = " ".join(f"{name_of(p)}=" for p in identity_paths(model, level))
    every = subjects(model, level)
    yield f"find    {names}"
    yield f"return  {names} " + " ".join(f"{a.name}=" for a in every)
    for about in every:
        vr = about.vr
        yield f"screen  {about.name}={pairs.impossible(vr)}"
        kinds = ["‹value›", "‹value in another letter case, without accents, cut short›"]
        if vr in PATTERNED:
            kinds += ["‹start›*", "*‹end›", "‹value with ? for a character›", "*"]
        if vr in RANGED:
            kinds += ["‹low›-‹high›", "-‹high›", "‹low›-"]
        if vr == "UI":
            kinds += ["‹value›\\‹value›"]
        yield f"pairs   {about.name}=" + f"  {about.name}=".join(kinds)
    yield f"together  a private key ({PRIVATE[0].tag}), keys in pairs, a date with its time, no keys of upper levels"
