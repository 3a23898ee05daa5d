"""Names of filters: where each is defined, what is defined twice, what runs in circles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worklint.knowledge import standard
from worklint.record import frozen
from worklint.references import Tell
from worklint.syntax.tree import And, Document, Expression, FilterBlock, HasEntity, HasItem, Not, Or, Use
from worklint.yaml_text import nearest

Key = tuple[str, str]
"""A filter: its file and its name."""


@frozen
class Filters:
    """The filters of each file by name, and those that the project shares, by name."""

    own: dict[str, dict[str, FilterBlock]]
    shared: dict[str, Key]

    @classmethod
    def of(cls, documents: Sequence[Document], shared: Sequence[Document]) -> Filters:
        """Collect the definitions; of equal names the first counts."""
        own: dict[str, dict[str, FilterBlock]] = {}
        for document in (*documents, *shared):
            table = own.setdefault(document.file, {})
            for block in document.filters:
                table.setdefault(block.name, block)
        known: dict[str, Key] = {}
        for document in shared:
            for name in own[document.file]:
                known.setdefault(name, (document.file, name))
        return cls(own, known)

    def find(self, name: str, home: str) -> Key | None:
        """Return the filter that a name means in the file ``home``: its own, else a shared one."""
        return (home, name) if name in self.own.get(home, {}) else self.shared.get(name)

    def block(self, key: Key) -> FilterBlock:
        """Return a definition."""
        return self.own[key[0]][key[1]]

    def nearest(self, name: str, home: str) -> str | None:
        """Return the name that the writer probably meant."""
        return nearest(name, [*self.own.get(home, {}), *self.shared])

    def tell_unknown(self, use: Use, home: str, tell: Tell) -> None:
        """Say that nothing has this name; a keyword left alone gets its own message."""
        keyword = standard.nearest_keywords(use.name, 1)
        exact = bool(keyword) and keyword[0].casefold() == use.name.casefold()
        near = self.nearest(use.name, home)
        if exact or (keyword and near is None and use.name[:1].isupper()):
            tell(
                "WL316", use.span, f"{use.name} stands alone: an attribute by itself is no condition",
                f'write {keyword[0]} is not empty, or compare it, as in {keyword[0]} = "…"; to see it as a column, '
                "name it under show",
            )  # fmt: skip
            return
        tell(
            "WL316", use.span, f"no filter {use.name} is defined in this file or in the files under filters: of the "
            "project", f"did you mean {near}?" if near else f"define it: filter {use.name} {{ … }}", instead=near,
        )  # fmt: skip

    def tell_redefined(self, documents: Sequence[Document], shared: Sequence[Document], tell: Tell) -> None:
        """Report each filter whose name one of the shared files has."""
        files = {document.file for document in shared}
        for document in (*documents, *(d for d in shared if d.file not in {x.file for x in documents})):
            for name, block in self.own[document.file].items():
                first = self.shared.get(name)
                if first is None or first[0] == document.file:
                    continue
                what = "two shared files define" if document.file in files else "this defines anew"
                tell(
                    "WL319", block.name_span, f"{what} filter {name}, which {first[0]} defines for the whole project, "
                    "so one name means two things", "give this one a name of its own",
                )  # fmt: skip

    def used_by(self, expression: Expression | None, home: str) -> Iterator[Key]:
        """Yield the filters that an expression names itself."""
        waiting: list[Expression] = [expression] if expression is not None else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, Use):
                key = self.find(node.name, home)
                if key:
                    yield key
            elif isinstance(node, And | Or):
                waiting.extend(reversed(node.parts))
            elif isinstance(node, Not | HasItem | HasEntity):
                waiting.append(node.condition)

    def reached(self, documents: Sequence[Document]) -> tuple[set[Key], set[Key]]:
        """Return the filters that worklists use, through whatever others; and all that the files use or define."""
        used: set[Key] = set()
        for document in documents:
            for worklist in document.worklists:
                used.update(self.used_by(worklist.where, document.file))
        defined = {(d.file, name) for d in documents for name in self.own[d.file]}
        return self._closure(used), self._closure(used | defined)

    def _closure(self, start: set[Key]) -> set[Key]:
        found = set(start)
        waiting = list(start)
        while waiting:
            key = waiting.pop()
            for other in self.used_by(self.block(key).condition, key[0]):
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def tell_cycles(self, keys: set[Key], tell: Tell) -> set[Key]:
        """Report each circle once, at the filter of it that is written first; return the filters inside one."""
        told: set[frozenset[Key]] = set()
        inside: set[Key] = set()
        done: set[Key] = set()
        for start in sorted(keys, key=self._place):
            if start in done:
                continue
            path: list[Key] = [start]
            on_path = {start}
            waiting = [self.used_by(self.block(start).condition, start[0])]
            while waiting:
                following = next(waiting[-1], None)
                if following is None:
                    waiting.pop()
                    on_path.discard(path[-1])
                    done.add(path.pop())
                elif following in on_path:
                    self._tell_cycle(path[path.index(following) :], told, tell)
                    inside.update(path[path.index(following) :])
                elif following not in done:
                    path.append(following)
                    on_path.add(following)
                    waiting.append(self.used_by(self.block(following).condition, following[0]))
        return inside

    def _tell_cycle(self, circle: list[Key], told: set[frozenset[Key]], tell: Tell) -> None:
        if frozenset(circle) in told:
            return
        told.add(frozenset(circle))
        at = min(range(len(circle)), key=lambda i: self._place(circle[i]))
        names = [name for _, name in (*circle[at:], *circle[:at], circle[at])]
        shown = names if len(names) <= 8 else [*names[:6], "…", names[-1]]
        tell(
            "WL317", self.block(circle[at]).name_span, f"filter {names[0]} is defined by itself: {' → '.join(shown)}; "
            "the worklists that use it are not judged", "take one of these uses out",
        )  # fmt: skip

    def _place(self, key: Key) -> tuple[str, int, int]:
        span = self.block(key).name_span
        return (span.file, span.line, span.column)
