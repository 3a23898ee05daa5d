"""The one reader of product profiles: from a file's parsed content to records, with the place of every mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from worklint.knowledge.profile import (
    CLASSES,
    DOES,
    GIVES,
    RETURNED,
    ROLES,
    TRANSPORTS,
    VALUE_CLASSES,
    Behaviour,
    Cap,
    Grant,
    Hidden,
    Interaction,
    Keeping,
    Measurement,
    Offered,
    Profile,
    ProfileError,
    Selectors,
    Sending,
    SettingInfo,
    SettingMap,
    SiteFact,
    Statement,
    When,
    Where,
)
from worklint.model import GRADES, MATCHING_KINDS, REASONS, Evidence

_TOP = {
    "$schema", "schema", "product", "name", "kind", "description", "aliases", "extends", "releases", "transports",
    "models", "settings", "citations", "sets", "statements", "interactions", "lifts", "keeping", "service", "facts",
    "viewer", "notes", "measured", "measurements", "vendor",
}  # fmt: skip
_WHERE = {
    "model", "transport", "level", "attribute", "label", "vr", "kind", "value", "product", "role", "purpose", "local",
    "setting", "viewer-setting", "pair", "same", "differs", "spokes", "releases",
}  # fmt: skip
_WHEN = {
    "all", "any", "none", "returns", "two-or-more", "two-or-more-join", "date-and-time", "without-keys",
    "more-keys-than", "more-values-than",
}  # fmt: skip
_RECORD = {"for", "because", "evidence"}


class _Reader:
    """Reads one file; knows its citations and sets, and the place it is at."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.citations: dict[str, Evidence] = {}
        self.sets: dict[str, frozenset[str]] = {}

    def fail(self, message: str, place: tuple[str | int, ...], right: str = "") -> ProfileError:
        return ProfileError(message, place, right)

    def keys(self, record: Any, allowed: Iterable[str], place: tuple[str | int, ...]) -> Mapping[str, Any]:
        if not isinstance(record, Mapping):
            raise self.fail("expected a mapping here", place, "{…}")
        allowed = set(allowed)
        for key in record:
            if key not in allowed:
                from difflib import get_close_matches

                near = get_close_matches(str(key), sorted(allowed), 1)
                right = f"did you mean {near[0]}?" if near else f"one of: {', '.join(sorted(allowed))}"
                raise self.fail(f"unknown key {key!r}", (*place, key), right)
        return record

    def texts(self, value: Any, place: tuple[str | int, ...]) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise self.fail("expected a text or a list of texts", place)

    def words(self, value: Any, allowed: Iterable[str], place: tuple[str | int, ...]) -> tuple[str, ...]:
        texts = self.texts(value, place)
        allowed = tuple(allowed)
        for text in texts:
            if text not in allowed:
                raise self.fail(f"{text!r} is not known here", place, f"one of: {', '.join(allowed)}")
        return texts

    def text(self, value: Any, place: tuple[str | int, ...]) -> str:
        if not isinstance(value, str) or not value:
            raise self.fail("expected a text", place)
        return value

    def choice(self, value: Any, allowed: Iterable[str], place: tuple[str | int, ...]) -> str:
        text = self.text(value, place)
        self.words(text, allowed, place)
        return text

    def flag(self, value: Any, place: tuple[str | int, ...]) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise self.fail("expected true or false", place)

    def number(self, value: Any, place: tuple[str | int, ...]) -> int:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise self.fail("expected a whole number", place) from None

    def setting_values(self, value: Any, place: tuple[str | int, ...]) -> tuple[str | None, ...]:
        values = value if isinstance(value, list) else [value]
        out: list[str | None] = []
        for one in values:
            if one is None or isinstance(one, str):
                out.append(None if one == "null" else one)
            elif isinstance(one, bool):
                out.append("true" if one else "false")
            elif isinstance(one, int):
                out.append(str(one))
            else:
                raise self.fail("expected the value of a setting (text, true, false, null for: not set)", place)
        return tuple(out)

    def setting_map(self, value: Any, place: tuple[str | int, ...]) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
        if value is None:
            return ()
        if not isinstance(value, Mapping):
            raise self.fail("expected a mapping from setting to value", place)
        return tuple((str(k), self.setting_values(v, (*place, k))) for k, v in value.items())

    def setting_maps(self, value: Any, place: tuple[str | int, ...]) -> tuple[SettingMap, ...]:
        maps = value if isinstance(value, list) else ([] if value is None else [value])
        return tuple(self.setting_map(m, (*place, i)) for i, m in enumerate(maps))

    def evidence(
        self, record: Mapping[str, Any], place: tuple[str | int, ...], needed: bool = True
    ) -> tuple[Evidence, ...]:
        value = record.get("evidence")
        if value is None:
            if needed:
                raise self.fail("a record needs evidence", place, 'add "evidence": the name of an entry of "citations"')
            return ()
        out = []
        for name in self.texts(value, (*place, "evidence")):
            if name not in self.citations:
                raise self.fail(
                    f"no citation is called {name!r}", (*place, "evidence"), f"one of: {', '.join(self.citations)}"
                )
            out.append(self.citations[name])
        return tuple(out)

    def where(self, value: Any, place: tuple[str | int, ...]) -> Where:
        if value is None:
            return Where()
        w = self.keys(value, _WHERE, place)
        attributes = self.texts(w.get("attribute"), (*place, "attribute"))
        for a in attributes:
            if a[:1] in "#!" and a[1:] not in self.sets:
                raise self.fail(f"no set is called {a[1:]!r}", (*place, "attribute"), f"one of: {', '.join(self.sets)}")
            if a.startswith("*") and a not in CLASSES:
                raise self.fail(f"{a!r} is no class", (*place, "attribute"), f"one of: {', '.join(CLASSES)}")
        values = self.texts(w.get("value"), (*place, "value"))
        for v in values:
            if not v.startswith("=") and not set(v.split("+")) <= set(VALUE_CLASSES):
                raise self.fail(
                    f"{v!r} is no class of values", (*place, "value"), f"one of: {', '.join(VALUE_CLASSES)}"
                )
        kinds = self.words(w.get("kind"), (*MATCHING_KINDS, "any"), (*place, "kind"))
        return Where(
            models=self.texts(w.get("model"), (*place, "model")),
            transports=self.words(w.get("transport"), TRANSPORTS, (*place, "transport")),
            levels=self.texts(w.get("level"), (*place, "level")),
            attributes=attributes,
            labels=self.texts(w.get("label"), (*place, "label")),
            vrs=self.texts(w.get("vr"), (*place, "vr")),
            kinds=() if kinds == ("any",) else kinds,
            values=values,
            products=self.texts(w.get("product"), (*place, "product")),
            roles=self.words(w.get("role"), ROLES, (*place, "role")),
            purposes=self.texts(w.get("purpose"), (*place, "purpose")),
            local=None if w.get("local") is None else self.flag(w["local"], (*place, "local")),
            settings=self.setting_map(w.get("setting"), (*place, "setting")),
            viewer_settings=self.setting_map(w.get("viewer-setting"), (*place, "viewer-setting")),
            pair=self.setting_map(w.get("pair"), (*place, "pair")),
            same=self.texts(w.get("same"), (*place, "same")),
            differs=self.texts(w.get("differs"), (*place, "differs")),
            spokes=self.number(w.get("spokes", 0), (*place, "spokes")),
            releases=self.texts(w.get("releases"), (*place, "releases")),
        )

    def reasons(self, value: Any, place: tuple[str | int, ...]) -> frozenset[str]:
        return frozenset(self.words(value, REASONS, place))

    def key(self, value: Any, place: tuple[str | int, ...], **more: Any) -> Behaviour:
        k = self.keys(value, {"does", "adds", "misses", "undecided", "one-of", "status", "alone", "rule"}, place)
        if "one-of" in k:
            options = k["one-of"]
            if not isinstance(options, list) or len(options) < 2:
                raise self.fail("one-of needs two alternatives or more", (*place, "one-of"))
            one_of = tuple(
                self.key({"does": o} if isinstance(o, str) else o, (*place, "one-of", i), **more)
                for i, o in enumerate(options)
            )
            return Behaviour("unknown", one_of=one_of, **more)
        does = self.choice(k.get("does"), DOES, (*place, "does"))
        adds, misses = self.reasons(k.get("adds"), (*place, "adds")), self.reasons(k.get("misses"), (*place, "misses"))
        if does in ("ignored", "refused", "unknown") and (misses or adds - {"ignored"}):
            raise self.fail(f"a key that is {does} has no reasons of its own", place, "leave out adds and misses")
        if does == "nothing" and adds:
            raise self.fail("an answer of nothing adds nothing", place, "leave out adds")
        undecided = self.keys(k.get("undecided", {}), {"adds", "misses"}, (*place, "undecided"))
        open_adds = self.reasons(undecided.get("adds"), (*place, "undecided", "adds"))
        open_misses = self.reasons(undecided.get("misses"), (*place, "undecided", "misses"))
        if not (open_adds <= adds and open_misses <= misses):
            raise self.fail("what is undecided is counted too", (*place, "undecided"), "name it under adds or misses")
        status = k.get("status")
        return Behaviour(
            does,
            adds,
            misses,
            open_adds=open_adds,
            open_misses=open_misses,
            status=None if status is None else str(status),
            rule=k.get("rule"),
            alone=self.flag(k.get("alone", False), (*place, "alone")),
            **more,
        )

    def statement(
        self, record: Any, place: tuple[str | int, ...], origin: str, needs_evidence: bool = True
    ) -> Statement:
        r = self.keys(record, _RECORD | {"key", "returned", "absent-means-absent", "joins"}, place)
        more: dict[str, Any] = {
            "returned": self.choice(r.get("returned", "unknown"), RETURNED, (*place, "returned")),
            "absent_means_absent": self.flag(r.get("absent-means-absent", False), (*place, "absent-means-absent")),
            "joins": r.get("joins"),
            "because": r.get("because", ""),
            "evidence": self.evidence(r, place, needs_evidence),
            "origin": origin,
        }
        if "key" not in r and "returned" not in r:
            raise self.fail(
                "a statement says what happens to the key, or how it is returned", place, "add key or returned"
            )
        speaks = "key" in r
        behaviour = self.key(r["key"], (*place, "key"), **more) if speaks else Behaviour("unknown", **more)
        return Statement(self.where(r.get("for"), (*place, "for")), behaviour, speaks)

    def interaction(self, record: Any, place: tuple[str | int, ...], origin: str) -> Interaction:
        r = self.keys(record, _RECORD | {"id", "when", "then"}, place)
        w = self.keys(r.get("when"), _WHEN, (*place, "when"))
        then = self.keys(r.get("then"), {"replace", "query", "serves"}, (*place, "then"))
        evidence = self.evidence(r, place)
        because = r.get("because", "")
        replace = tuple(
            self.statement({**s, "evidence": r["evidence"], "because": because}, (*place, "then", "replace", i), origin)
            for i, s in enumerate(then.get("replace", ()))
        )
        query = None
        if "query" in then:
            query = self.key(
                then["query"], (*place, "then", "query"), because=because, evidence=evidence, origin=origin
            )
        if not replace and query is None and "serves" not in then:
            raise self.fail("an interaction that changes nothing", (*place, "then"), "replace, query or serves")
        return Interaction(
            id=r.get("id", ""),
            where=self.where(r.get("for"), (*place, "for")),
            when=When(
                all=self.texts(w.get("all"), (*place, "when", "all")),
                any=self.texts(w.get("any"), (*place, "when", "any")),
                none=self.texts(w.get("none"), (*place, "when", "none")),
                returns=self.texts(w.get("returns"), (*place, "when", "returns")),
                two_or_more=self.texts(w.get("two-or-more"), (*place, "when", "two-or-more")),
                two_or_more_join=w.get("two-or-more-join"),
                date_and_time=self.flag(w.get("date-and-time", False), (*place, "when", "date-and-time")),
                without_keys=self.flag(w.get("without-keys", False), (*place, "when", "without-keys")),
                more_keys_than=self.number(w.get("more-keys-than", 0), (*place, "when", "more-keys-than")),
                more_values_than=self.number(w.get("more-values-than", 0), (*place, "when", "more-values-than")),
            ),
            replace=replace,
            query=query,
            serves=then.get("serves"),
            because=because,
            evidence=evidence,
        )

    def keeping(self, record: Any, place: tuple[str | int, ...]) -> Keeping:
        r = self.keys(record, _RECORD | {"gives", "topology", "unless-pair", "rule", "remedy"}, place)
        gives, setting = r.get("gives"), None
        order: tuple[str, ...] = ()
        shows: tuple[str, ...] = ()
        if isinstance(gives, Mapping):
            self.keys(gives, {"behind", "shows", "shows-setting"}, (*place, "gives"))
            order = self.texts(gives.get("behind"), (*place, "gives", "behind"))
            shows = self.texts(gives.get("shows"), (*place, "gives", "shows"))
            setting = gives.get("shows-setting")
            name = "behind" if order else "shows"
        else:
            name = self.choice(gives, GIVES, (*place, "gives"))
        return Keeping(
            where=self.where(r.get("for"), (*place, "for")),
            gives=name,
            order=order,
            shows=shows,
            shows_setting=setting,
            topology=self.flag(r.get("topology", False), (*place, "topology")),
            unless_pair=self.setting_maps(r.get("unless-pair"), (*place, "unless-pair")),
            rule=r.get("rule"),
            because=r.get("because", ""),
            remedy=r.get("remedy", ""),
            evidence=self.evidence(r, place),
        )

    def each(
        self, name: str, section: Mapping[str, Any], place: tuple[str | int, ...] = ()
    ) -> Iterable[tuple[Any, tuple[str | int, ...]]]:
        records = section.get(name, ())
        if not isinstance(records, (list, tuple)):
            raise self.fail(f"{name} is a list", (*place, name), "[…]")
        return [(record, (*place, name, i)) for i, record in enumerate(records)]

    def profile(self) -> Profile:
        d = self.keys(self.data, _TOP, ())
        origin = str(d.get("product", "profile"))
        for name, c in (d.get("citations") or {}).items():
            place: tuple[str | int, ...] = ("citations", name)
            self.keys(c, {"grade", "citation", "date"}, place)
            grade = self.choice(c.get("grade"), GRADES, (*place, "grade"))
            self.citations[name] = Evidence(grade, self.text(c.get("citation"), (*place, "citation")), c.get("date"))  # type: ignore[arg-type]
            if grade == "measured" and not c.get("date"):
                raise self.fail("a measurement needs its date", place, '"date": "2026-11-24"')
        for name, members in (d.get("sets") or {}).items():
            out: set[str] = set()
            for member in self.texts(members, ("sets", name)):
                out |= self.sets[member[1:]] if member.startswith("#") and member[1:] in self.sets else {member}
            self.sets[name] = frozenset(out)
        service = self.keys(
            d.get("service", {}),
            {"cap", "selectors", "hides", "negotiation", "web", "status", "duplicates", "parents", "forwards"},
            ("service",),
        )
        negotiation = service.get("negotiation") or {}
        viewer = self.keys(d.get("viewer", {}), {"labels", "own", "negation", "sends"}, ("viewer",))
        offered = []
        for record, place in self.each("models", d):
            r = self.keys(
                {"model": record} if isinstance(record, str) else record, {"model", "transport", "for"}, place
            )
            for transport in self.words(
                r.get("transport", d.get("transports", ["dimse"])), TRANSPORTS, (*place, "transport")
            ):
                offered.append(Offered(self.where(r.get("for"), (*place, "for")), str(r["model"]), transport))
        return Profile(
            product=self.text(d.get("product"), ("product",)),
            name=str(d.get("name", d.get("product"))),
            kind=self.choice(d.get("kind", "source"), ("source", "viewer"), ("kind",)),
            description=str(d.get("description", "")),
            aliases=self.texts(d.get("aliases"), ("aliases",)),
            releases=self.texts(d.get("releases"), ("releases",)),
            transports=self.words(d.get("transports", ["dimse"]), TRANSPORTS, ("transports",)),
            offered=tuple(offered),
            settings=tuple(self._setting(n, s) for n, s in (d.get("settings") or {}).items()),
            sets=dict(self.sets),
            statements=tuple(self.statement(r, p, origin) for r, p in self.each("statements", d)),
            interactions=tuple(self.interaction(r, p, origin) for r, p in self.each("interactions", d)),
            lifts=tuple(
                (str(self.keys(r, _RECORD | {"lifts"}, p)["lifts"]), self.where(r.get("for"), (*p, "for")))
                for r, p in self.each("lifts", d)
            ),
            keeping=tuple(self.keeping(r, p) for r, p in self.each("keeping", d)),
            caps=tuple(self._cap(r, p) for r, p in self.each("cap", service, ("service",))),
            selectors=tuple(self._selectors(r, p) for r, p in self.each("selectors", service, ("service",))),
            hides=tuple(self._hidden(r, p) for r, p in self.each("hides", service, ("service",))),
            facts=tuple(self._fact(r, p) for r, p in self.each("facts", d)),
            sends=tuple(self._sending(r, p) for r, p in self.each("sends", viewer, ("viewer",))),
            labels=viewer.get("labels"),
            own=self.texts(viewer.get("own"), ("viewer", "own")),
            own_negation=self.flag(viewer.get("negation", False), ("viewer", "negation")),
            notes=self.texts(d.get("notes"), ("notes",)),
            negotiation={str(k): v for k, v in negotiation.items() if isinstance(v, str)},
            grants=tuple(
                self._grant(k, r, p)
                for k, v in negotiation.items()
                if not isinstance(v, str)
                for r, p in self.each(k, negotiation, ("service", "negotiation"))
            ),
            measurements=tuple(self._measurement(r, p) for r, p in self.each("measurements", d)),
        )

    def _measurement(self, record: Any, place: tuple[str | int, ...]) -> Measurement:
        r = self.keys(record, {"for", "file", "apart", "because"}, place)
        return Measurement(
            self.where(r.get("for"), (*place, "for")),
            self.text(r.get("file"), (*place, "file")),
            self.reasons(r.get("apart"), (*place, "apart")),
        )

    def _setting(self, name: str, value: Any) -> SettingInfo:
        s = self.keys(value, {"values", "default", "meaning"}, ("settings", name))
        default = self.setting_values(s.get("default"), ("settings", name, "default"))[0]
        values = tuple(
            v for v in self.setting_values(s.get("values", []), ("settings", name, "values")) if v is not None
        )
        return SettingInfo(name, values, default, str(s.get("meaning", "")))

    def _grant(self, option: str, record: Any, place: tuple[str | int, ...]) -> Grant:
        r = self.keys(record, _RECORD | {"granted", "sets"}, place)
        if "granted" not in r:
            raise self.fail("a record of a negotiated option says if it is granted, and honoured", place, "granted")
        if not isinstance(r.get("sets", {}), Mapping):
            raise self.fail("sets names settings and their values", (*place, "sets"), '{"setting": "value"}')
        return Grant(
            where=self.where(r.get("for"), (*place, "for")),
            option=option,
            granted=self.flag(r["granted"], (*place, "granted")),
            sets=tuple((str(k), self.text(v, (*place, "sets", k))) for k, v in r.get("sets", {}).items()),
            because=r.get("because", ""),
            evidence=self.evidence(r, place),
        )

    def _cap(self, record: Any, place: tuple[str | int, ...]) -> Cap:
        r = self.keys(record, _RECORD | {"rows", "signalled", "paging", "refuses", "before-filter", "setting"}, place)
        return Cap(
            where=self.where(r.get("for"), (*place, "for")),
            rows=None if r.get("rows") is None else self.number(r["rows"], (*place, "rows")),
            signalled=self.flag(r.get("signalled", False), (*place, "signalled")),
            paging=self.flag(r.get("paging", False), (*place, "paging")),
            refuses=self.flag(r.get("refuses", False), (*place, "refuses")),
            before_filter=self.flag(r.get("before-filter", False), (*place, "before-filter")),
            setting=r.get("setting"),
            because=r.get("because", ""),
            evidence=self.evidence(r, place),
        )

    def _selectors(self, record: Any, place: tuple[str | int, ...]) -> Selectors:
        r = self.keys(record, _RECORD | {"any-of"}, place)
        alternatives = []
        for i, one in enumerate(r.get("any-of", [])):
            a = self.keys({"key": one} if isinstance(one, str) else one, {"key", "at-least"}, (*place, "any-of", i))
            alternatives.append((str(a["key"]), self.number(a.get("at-least", 1), (*place, "any-of", i, "at-least"))))
        if not alternatives:
            raise self.fail("selectors without alternatives refuse everything", place, '"any-of": ["PatientID"]')
        return Selectors(
            self.where(r.get("for"), (*place, "for")),
            tuple(alternatives),
            r.get("because", ""),
            self.evidence(r, place),
        )

    def _hidden(self, record: Any, place: tuple[str | int, ...]) -> Hidden:
        r = self.keys(record, _RECORD | {"what", "attribute", "values"}, place)
        return Hidden(
            where=self.where(r.get("for"), (*place, "for")),
            what=self.text(r.get("what"), (*place, "what")),
            attribute=r.get("attribute"),
            values=self.texts(r.get("values"), (*place, "values")),
            because=r.get("because", ""),
            evidence=self.evidence(r, place),
        )

    def _fact(self, record: Any, place: tuple[str | int, ...]) -> SiteFact:
        r = self.keys(record, _RECORD | {"rule", "purposes", "unless-pair", "remedy"}, place)
        return SiteFact(
            rule=self.text(r.get("rule"), (*place, "rule")),
            where=self.where(r.get("for"), (*place, "for")),
            purposes=self.texts(r.get("purposes"), (*place, "purposes")),
            unless_pair=self.setting_maps(r.get("unless-pair"), (*place, "unless-pair")),
            because=r.get("because", ""),
            remedy=r.get("remedy", ""),
            evidence=self.evidence(r, place),
        )

    def _sending(self, record: Any, place: tuple[str | int, ...]) -> Sending:
        r = self.keys(record, _RECORD | {"sends"}, place)
        return Sending(
            where=self.where(r.get("for"), (*place, "for")),
            sends=self.choice(r.get("sends"), ("yes", "no", "unknown"), (*place, "sends")),
            because=r.get("because", ""),
            evidence=self.evidence(r, place),
        )


def read_profile(data: Mapping[str, Any]) -> Profile:
    """Make the profile from a file's parsed content.

    Raises:
        ProfileError: with the path of keys to the mistake, and what would be right.
    """
    return _Reader(data).profile()


def site_statement(level: str, keyword: str, short: Mapping[str, Any]) -> Statement:
    """Make the statement that a project file writes in short form under ``keys:``; its grade is ``statement``.

    Raises:
        ProfileError: as ``read_profile``.
    """
    reader = _Reader({})
    because = str(short.get("because", "stated in the project file"))
    reader.citations["site"] = Evidence("statement", f"project file: {because}")
    key = {name: short[name] for name in ("does", "adds", "misses") if short.get(name)}
    record: dict[str, Any] = {"evidence": "site", "because": because}
    record["for"] = {"level": level, "attribute": keyword}
    if short.get("matching"):
        record["for"]["kind"] = list(short["matching"])
    if key:
        record["key"] = key
    if short.get("returned"):
        record["returned"] = short["returned"]
    return reader.statement(record, ("keys", level, keyword), "site")
