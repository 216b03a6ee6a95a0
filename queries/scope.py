"""A scope as the values that queries bind.

Each list is one regular expression; an empty one is NULL, which a warehouse folds away before it looks at a row.
"""

from collections.abc import Mapping, Sequence

from miner.scope import Globs, Scope, alternation, pattern

_NAMES = {
    "catalogs": "catalog",
    "schemas": "schema",
    "tables": "table",
    "paths": "path",
    "workspaces": "workspace",
    "process_kinds": "kind",
}
"""The name in parameters of each list of globs."""

_DOTS = {"schemas": 1, "tables": 2}
"""How many dots a qualified name has, for the lists that may hold some."""


def scope_values(scope: Scope) -> Mapping[str, str | None]:
    """What `queries/rules.sql` asks for, by parameter: `:excluded_*`, `:included_*` and `:*_rules`."""
    bound: dict[str, str | None] = {}
    for part, name in _NAMES.items():
        left_out, included = getattr(scope.exclude, part), getattr(scope.include, part)
        plain = [glob for glob in left_out if not _dotted(part, glob)]
        bound[f"excluded_{name}s"] = alternation([pattern(glob) for glob in plain])
        bound[f"included_{name}s"] = alternation(_qualified(part, included))
        bound[f"{name}_rules"] = "\n".join(_qualified(part, left_out))
        if part in _DOTS:
            dotted = [pattern(glob) for glob in left_out if _dotted(part, glob)]
            bound[f"excluded_qualified_{name}s"] = alternation(dotted)
    return bound


def globs_by_rule(excluded: Globs) -> Mapping[str, str]:
    """The glob as the settings write it, by the regular expression that a query tells as a row's rule."""
    return {
        rule: glob
        for part in _NAMES
        for glob, rule in zip(getattr(excluded, part), _qualified(part, getattr(excluded, part)), strict=True)
    }


def _dotted(part: str, glob: str) -> bool:
    return part in _DOTS and "." in glob


def _qualified(part: str, globs: Sequence[str]) -> list[str]:
    """Expressions over qualified names, where the list is one of qualified names."""
    return [pattern(glob, 0 if "." in glob else _DOTS.get(part, 0)) for glob in globs]
