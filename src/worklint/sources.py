"""The enterprise against the database: each source with the profile of its release, its neighbours, its settings.

Files of a site's own profiles are read here; everything after works on the immutable ``Site``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from worklint.enterprise import DeclaredSource, Enterprise, Settings, parse_product, span_of
from worklint.judge.place import Place
from worklint.knowledge import labels as label_files
from worklint.knowledge import products
from worklint.knowledge.labels import Label
from worklint.knowledge.profile import Profile, ProfileError, Statement
from worklint.knowledge.profile_reader import site_statement
from worklint.model import Finding, Span, Worklist
from worklint.record import field, frozen, names
from worklint.yaml_text import Problem, ProjectError, problem_at

NO_FILE = Span("", 1, 1, 1, 1)
STANDARD = "dicom-standard"


@frozen
class Source:
    """One source, resolved. ``asked`` is the release that was written, ``profile.release`` the one it is judged as."""

    id: str
    profile: Profile
    asked: str | None
    role: str
    hub: str | None
    local: bool
    transport: str
    settings: Settings
    site: tuple[Statement, ...]
    span: Span
    title: str = ""
    own_profile: str | None = None
    declared: DeclaredSource | None = None

    @property
    def product(self) -> str:
        """The id of its product."""
        return self.profile.product

    @property
    def named(self) -> bool:
        """Whether it is a product, and not the standard itself."""
        return self.product != STANDARD

    @property
    def release(self) -> str | None:
        """``PRODUCT`` or ``PRODUCT@RELEASE`` as written in reports."""
        return self.asked or self.profile.release


@frozen
class Site:
    """All that judging needs to know of the enterprise. ``replaced``: ``--source`` took the place of its sources."""

    enterprise: Enterprise | None
    sources: tuple[Source, ...]
    viewer: Profile | None = None
    viewer_settings: Settings = ()
    vocabulary: Mapping[str, Label] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    replaced: bool = False

    @property
    def local(self) -> Source | None:
        """The source whose side is judged."""
        return next((s for s in self.sources if s.local), None)

    def source(self, source_id: str) -> Source | None:
        """Return the source of that id."""
        return next((s for s in self.sources if s.id == source_id), None)

    def group(self, source: Source) -> tuple[Source, ...]:
        """Return the hub of a source and all spokes of that hub, or nothing outside a hub-and-spoke group."""
        hub = source.id if source.role == "hub" else source.hub
        if hub is None or source.role == "standalone":
            return ()
        return tuple(s for s in self.sources if s.id == hub or (s.role == "spoke" and s.hub == hub))

    def pair(self, a: Source, b: Source) -> Settings:
        """Return the settings of a pair: what both have alike, then what the project says of the link."""
        both = dict(set(a.settings) & set(b.settings))
        if a.product == b.product and a.release == b.release and a.release:
            both["same-release"] = a.release
        if self.enterprise is not None:
            for link in self.enterprise.links:
                if set(link.between) == {a.id, b.id}:
                    both.update(dict(link.settings))
        return tuple(sorted(both.items()))


def _vocabulary(enterprise: Enterprise | None, viewer: Profile | None) -> dict[str, Label]:
    found = dict(label_files.labels(viewer.labels)) if viewer is not None and viewer.labels else {}
    for own in enterprise.labels if enterprise else ():
        found[own.name.casefold()] = Label(own.name, own.attribute or "", "", own.vr or "LO", own.level or "study")
    return found


def _chosen(product: str, release: str | None, span: Span) -> Profile:
    chosen = products.profile(product, release)
    if chosen is None:
        near = products.nearest_products(product)
        remedy = f"did you mean {near[0]}?" if near else "`worklint source` lists the products"
        raise ProjectError([problem_at(span, f"the database has no product {product!r}", remedy)])
    return chosen.profile


def _release_finding(profile: Profile, asked: str | None, source: str, span: Span) -> Iterable[Finding]:
    if not profile.releases or profile.release is None or asked == profile.release:
        return
    if asked is None:
        text = f"{source}: no release is given; judged as {profile.product}@{profile.release}, the newest that is known"
        remedy = f"write {profile.product}@RELEASE"
    elif asked not in profile.releases and profile.release != asked:
        text = f"{source}: the database does not know {profile.product}@{asked}; judged as {profile.release}"
        remedy = f"known releases: {', '.join(profile.releases)}"
    else:
        return
    yield Finding("WL515", "info", span, text + ".", remedy, sources=(source,))


def _setting_findings(profile: Profile, settings: Settings, source: str, span: Span) -> Iterable[Finding]:
    known = [s.name for s in profile.settings]
    for name, _ in settings:
        if name in known:
            continue
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1, 0.75)
        remedy = f"did you mean {near[0]}?" if near else f"settings that count: {', '.join(known) or 'none'}"
        severity = "warning" if near else "info"
        text = f"{source}: no verdict depends on a setting {name!r} of {profile.product}."
        yield Finding("WL518", severity, span, text, remedy, sources=(source,))  # type: ignore[arg-type]


def _transport(declared: DeclaredSource, profile: Profile) -> str:
    return declared.transport or (profile.transports[0] if profile.transports else "dimse")


def _site_statements(declared: DeclaredSource) -> tuple[Statement, ...]:
    out = []
    for one in declared.keys:
        try:
            out.append(site_statement(one.level, one.attribute, one.short))
        except ProfileError as error:
            raise ProjectError([problem_at(one.span, error.message, error.right)]) from None
    return tuple(out)


def _declared(enterprise: Enterprise, declared: DeclaredSource, local: str | None) -> Source:
    if declared.profile is not None:
        path = enterprise.folder / declared.profile
        try:
            whole = products.profile_from_file(path, declared.profile)
        except ProfileError as error:
            raise ProjectError([problem_at(span_of(declared, "profile"), error.message)]) from None
        profile, asked = products.at_release(whole, declared.release).profile, declared.release
    else:
        assert declared.product is not None
        profile = _chosen(declared.product, declared.release, span_of(declared, "product"))
        asked = declared.release
    if profile.kind != "source":
        remedy = "name a product that holds studies; a viewer goes under `viewer:`"
        raise ProjectError([problem_at(span_of(declared, "product"), f"{profile.product} is a viewer", remedy)])
    return Source(
        id=declared.id,
        profile=profile,
        asked=asked,
        role=declared.role,
        hub=declared.hub,
        local=declared.id == local if local else declared.local,
        transport=_transport(declared, profile),
        settings=declared.settings,
        site=_site_statements(declared),
        span=declared.span,
        title=declared.title,
        own_profile=declared.profile,
        declared=declared,
    )


_OVERRIDE = re.compile(r"(?:(?P<name>[A-Za-z][A-Za-z0-9_-]{0,31})=)?(?P<what>.+)", re.DOTALL)


def _override(spec: str, sources: Sequence[Source], cwd: Path) -> Source:
    """Make a source from ``--source``: an id of the project, a profile's file, or ``PRODUCT[@RELEASE]``."""
    match = _OVERRIDE.fullmatch(spec)
    what, name = (match["what"], match["name"]) if match else (spec, None)
    known = next((s for s in sources if s.id == what), None)
    if known is not None:
        return known
    if what.endswith((".yaml", ".yml", ".json")) or "/" in what:
        try:
            whole = products.profile_from_file(cwd / what, what)
        except ProfileError as error:
            raise ProjectError([Problem("--source", 1, 1, error.message)]) from None
        profile, asked = products.at_release(whole, None).profile, None
        own: str | None = Path(what).name
    else:
        try:
            product, asked = parse_product(what)
        except ValueError as error:
            raise ProjectError([Problem("--source", 1, 1, f"{what!r} is no source: {error}")]) from None
        ids = [s.id for s in sources]
        if products.product(product) is None and ids and "@" not in what:
            from difflib import get_close_matches

            near = get_close_matches(what, [*ids, *products.product_ids()], 1, 0.5)
            remedy = f"did you mean {near[0]}?" if near else f"sources of the project: {', '.join(ids)}"
            raise ProjectError(
                [Problem("--source", 1, 1, f"neither a source nor a product is called {what!r}", remedy)]
            )
        profile, own = _chosen(product, asked, Span("--source", 1, 1, 1, 1)), None
    title = name or (Path(what).stem if own else what)
    transport = profile.transports[0] if profile.transports else "dimse"
    return Source(title, profile, asked, "standalone", None, False, transport, (), (), NO_FILE, own_profile=own)


def site_of(
    enterprise: Enterprise | None,
    overrides: Sequence[str] = (),
    local: str | None = None,
    cwd: Path | None = None,
) -> Site:
    """Resolve an enterprise against the database; without any source, against the standard alone.

    Raises:
        ProjectError: for an unknown product, an invalid profile, or an unknown ``--local`` or ``--source``.
    """
    findings: list[Finding] = []
    viewer: Profile | None = None
    viewer_settings: Settings = ()
    declared: list[Source] = []
    problems: list[Problem] = []
    if enterprise is not None:
        if local is not None and local not in [s.id for s in enterprise.sources]:
            known = ", ".join(s.id for s in enterprise.sources)
            raise ProjectError([Problem("--local", 1, 1, f"the project has no source {local!r}", f"one of: {known}")])
        if enterprise.viewer is not None:
            choice = enterprise.viewer
            viewer = _chosen(choice.product, choice.release, choice.span)
            viewer_settings = choice.settings
            if viewer.kind != "viewer":
                message = f"{viewer.product} is no viewer"
                raise ProjectError([problem_at(choice.span, message, "sources go under `sources:`")])
            findings += _release_finding(viewer, choice.release, "viewer", choice.span)
            findings += _setting_findings(viewer, choice.settings, "viewer", choice.span)
        for one in enterprise.sources:
            try:
                declared.append(_declared(enterprise, one, local))
            except ProjectError as error:
                problems += error.problems
    if problems:
        raise ProjectError(problems)
    sources = tuple(declared)
    if overrides:
        sources = tuple(_override(o, declared, cwd or Path()) for o in overrides)
        ids = [s.id for s in sources]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ProjectError(
                [Problem("--source", 1, 1, f"{twice!r} is given twice", "name one: NAME=PRODUCT@RELEASE")]
            )
    elif not sources:
        profile = _chosen(STANDARD, None, NO_FILE)
        sources = (Source("standard", profile, None, "standalone", None, False, "dimse", (), (), NO_FILE),)
    for source in sources:
        if source.declared is not None:
            findings += _release_finding(source.profile, source.asked, source.id, source.span)
            findings += _setting_findings(source.profile, source.settings, source.id, source.span)
    vocabulary = _vocabulary(enterprise, viewer)
    return Site(enterprise, sources, viewer, viewer_settings, vocabulary, tuple(findings), bool(overrides))


def asked_sources(site: Site, worklist: Worklist) -> tuple[Source, ...]:
    """Return the sources that a worklist asks: its ``sources``, else all that its scope covers."""
    if site.replaced or (site.enterprise is None):
        return site.sources
    covered = tuple(s for s in site.sources if _covers(worklist.scope, s))
    if worklist.sources is None:
        return covered
    return tuple(s for s in covered if s.id in worklist.sources)


def _covers(scope: str, source: Source) -> bool:
    return scope == "enterprise" or (scope == "local") == source.local


def place_of(site: Site, source: Source, worklist: Worklist) -> Place:
    """Return the place that judging needs: the source as this worklist meets it."""
    local = site.local
    group = site.group(source)
    hub = next((s for s in group if s.role == "hub"), None)
    others = [s for s in group if s.id != source.id and s.role == "spoke"]
    own = bool(site.viewer and source.local and source.product in site.viewer.own)
    mine, theirs = dict(source.settings), dict(local.settings) if local else {}
    shared = [n for n in mine if n in theirs] if local and local.id != source.id else []
    offers = {w for w in site.vocabulary if site.vocabulary[w].offered}
    offers |= {label.attribute for label in site.vocabulary.values() if label.offered and label.attribute}
    return Place(
        source=source.id,
        profile=source.profile,
        transport=source.transport,
        model=worklist.model,
        purpose=worklist.purpose,
        settings=source.settings,
        role=source.role,
        local=source.local,
        own=own,
        own_negation=bool(own and site.viewer and site.viewer.own_negation),
        pair=site.pair(local, source) if local and local.id != source.id else (),
        pairs=tuple(site.pair(source, s) for s in others),
        same=frozenset(n for n in shared if mine[n] == theirs[n]),
        differs=frozenset(n for n in shared if mine[n] != theirs[n]),
        spokes=sum(1 for s in group if s.role == "spoke") if hub else 0,
        hub=hub.profile if hub else None,
        hub_settings=hub.settings if hub else (),
        site=source.site,
        viewer=site.viewer,
        viewer_settings=site.viewer_settings,
        named=source.named,
        offers=frozenset(offers),
    )


def astuple_but_source(place: Place) -> tuple[object, ...]:
    """Return all of a place but the id of its source: places alike in it get the same verdicts.

    Profiles of one product and release are one object, so they are told apart by identity.
    """
    values = (getattr(place, name) for name in names(place) if name != "source")
    return tuple(id(v) if isinstance(v, Profile) else v for v in values)
