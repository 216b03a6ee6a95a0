"""Every predicate and rule of the queries, found by walking the parsed SQL, and the queries without one of them."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from miner.errors import SourceError
from queries import embedded, statements
from queries.system_tables import COST_QUERIES, NAME_QUERIES, SystemTableReader
from queries.warehouse import Prepared

QUERIES = (
    "lineage_edges", "lineage_columns", "usage_daily", "cached_reads", "column_usage", "enrichment", "outside_reads",
    "one_time_runs", "replaced_tables", "flow_texts", "totals", "span", "query_runs", "lineage_mix", "first_direct_access",
    "history_totals",
    "history_mix", "most_read",
)  # fmt: skip

NAMES = (*NAME_QUERIES, "lineage_metastores")
"""Queries that tell what things are called: they are asked of an estate of their own."""

COSTS = (*COST_QUERIES, "list_price", "charge", "up_to", "millis", "hour_begin", "hour_of_day", "overlap")
"""Queries of cost and the rules that no other has: they are asked of an estate of their own too."""

_ALL = (*QUERIES, *NAMES, *COST_QUERIES)

_BOUNDS = {exp.LT: exp.LTE, exp.GT: exp.GTE, exp.LTE: exp.LT, exp.GTE: exp.GT}
_WRAPPERS = (exp.Lower, exp.Trim, exp.Nullif, exp.RegexpReplace, exp.ArraySort)


@dataclass(frozen=True)
class Mutant:
    """One change at one place of a query or rule, told by its number among the changes possible there."""

    where: str
    place: int
    number: int
    change: str

    def __str__(self) -> str:
        return f"{self.where}: {self.change}"


@cache
def trees() -> dict[str, exp.Expr]:
    """Queries and rules as they are written; what may be taken out, and each root, is marked with its place."""
    queries = {name: sqlglot.parse_one(statements.text(name), read=statements.DIALECT) for name in _ALL}
    rules = {name: function.body.copy() for name, function in statements.functions().items()}
    for name, tree in (queries | rules).items():
        for place, node in enumerate(tree.walk()):
            if place == 0 or any(_changes(node)):
                node.meta["place"] = (name, place)
    return queries | rules


@cache
def mutants() -> tuple[Mutant, ...]:
    """All of them, in the order of the SQL; places that read alike are numbered."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for name, tree in trees().items():
        for place, node in enumerate(tree.walk()):
            for number, (change, _) in enumerate(_changes(node)):
                seen[name, change] += 1
                again = f" ({seen[name, change]})" if seen[name, change] > 1 else ""
                found.append(Mutant(name, place, number, change + again))
    return tuple(found)


def _changes(node: exp.Expr) -> Iterator[tuple[str, exp.Expr | None]]:
    """What may be taken out at a node: how to call it, and what stays in its place, made of copies."""
    if isinstance(node, (exp.And, exp.Or)) and type(node.parent) is not type(node):
        for operand in node.flatten(unnest=False):
            rest = [one.copy() for one in node.flatten(unnest=False) if one is not operand]
            yield f"without {_short(operand)}", _joined(type(node), rest)
    elif type(node) in _BOUNDS:
        other = _BOUNDS[type(node)]
        yield f"other bound of {_short(node)}", other(this=node.this.copy(), expression=node.expression.copy())
    elif isinstance(node, exp.Where) and not isinstance(node.this, exp.And):
        yield f"without WHERE {_short(node.this)}", exp.Where(this=exp.true())
    elif isinstance(node, exp.If) and (isinstance(node.parent, exp.Case) and len(node.parent.args["ifs"]) > 1):
        never = exp.null() if node.parent.this else exp.false()
        yield f"without WHEN {_short(node.this)}", exp.If(this=never, true=node.args["true"].copy())
    elif isinstance(node, exp.Case) and len(node.args["ifs"]) == 1:
        yield f"always {_short(node.args['ifs'][0].args['true'])}", node.args["ifs"][0].args["true"].copy()
    elif isinstance(node, exp.Coalesce):
        given = [node.this, *node.expressions]
        defaults = len(given) == 2 and isinstance(given[1], (exp.Literal, exp.Boolean))
        for left_out in given[1:] if defaults else given:
            rest = [one.copy() for one in given if one is not left_out]
            yield f"without {_short(left_out)} of {_short(node)}", exp.Coalesce(this=rest[0], expressions=rest[1:])
    elif isinstance(node, exp.In):
        for left_out in node.expressions:
            rest = [one.copy() for one in node.expressions if one is not left_out]
            yield f"without {_short(left_out)} of {_short(node)}", exp.In(this=node.this.copy(), expressions=rest)
    elif isinstance(node, exp.Distinct):
        yield "without DISTINCT", None
    elif isinstance(node, _WRAPPERS):
        yield f"without {node.key} of {_short(node.this)}", node.this.copy()


def _joined(kind: type[exp.Connector], operands: list[exp.Expr]) -> exp.Expr:
    whole = operands[0]
    for operand in operands[1:]:
        whole = kind(this=whole, expression=operand)
    return whole


def _short(node: exp.Expr) -> str:
    text = node.sql(statements.DIALECT, comments=False)
    return text if len(text) <= 70 else f"{text[:40]} … {text[-25:]}"


Question = Callable[[SystemTableReader], object]


class Bench:
    """A source whose queries can be swapped for mutants of them."""

    def __init__(self, source: SystemTableReader, questions: Mapping[str, Sequence[Question]]) -> None:
        """Let the source make its queries ready from marked trees, and keep what it answers to the questions."""
        self.source, self._questions, self._trees = source, questions, {}
        source._prepared = {}
        source.warehouse.run = self._run
        with pytest.MonkeyPatch.context() as patch:
            rules = {name: replace(rule, body=trees()[name]) for name, rule in statements.functions().items()}
            patch.setattr(statements, "functions", lambda: rules)
            patch.setattr(statements, "parsed", lambda name: statements._inlined(trees()[name]))
            patch.setattr(embedded, "_duckdb_sql", self._keep)
            self.answers = {name: [ask(source) for ask in asked] for name, asked in questions.items()}
        self._prepared = dict(source._prepared)
        self._nodes = defaultdict(lambda: defaultdict(list))
        for name, tree in self._trees.items():
            for node in tree.walk():
                if "place" in node.meta:
                    self._nodes[node.meta["place"]][name].append(node)
                node._meta = None  # a mark is copied with every tree written down, and costs more than its node

    def _keep(self, tree: exp.Expr, write=embedded._duckdb_sql) -> str:
        """Keep a query's tree under its name, also when it stands inside another that counts its rows."""
        marks = (node.meta["place"] for node in tree.walk() if "place" in node.meta)
        self._trees[next(name for name, place in marks if place == 0 and name in _ALL)] = tree
        return write(tree)

    def _run(self, query: Prepared, values: Mapping[str, object]) -> list[pa.RecordBatch]:
        """Answer at once: what streams is planned twice, and planning is most of the time here."""
        wanted = {name: values[name] for name in query.parameters}
        try:
            with warnings.catch_warnings(action="ignore"):
                return self.source.warehouse._engine.execute(query.text, wanted).to_arrow_table().to_batches()
        except duckdb.Error as error:
            raise SourceError(str(error)) from error

    def affected(self, mutant: Mutant) -> list[str]:
        """The queries that hold the mutant's place."""
        return list(self._nodes[mutant.where, mutant.place])

    def differs(self, query: str, mutant: Mutant) -> bool:
        """Whether a query answers otherwise, or not at all, with the mutant in its place."""
        (key,) = [key for key in self._prepared if key[0] == query]
        with self._mutated(query, mutant) as tree:
            ready = replace(
                self._prepared[key], text=embedded._duckdb_sql(tree), parameters=statements.parameters(tree)
            )
        self.source._prepared = self._prepared | {key: ready}
        try:
            return any(
                ask(self.source) != answer
                for ask, answer in zip(self._questions[query], self.answers[query], strict=True)
            )
        except (SourceError, AssertionError):
            return True

    def unchanged(self) -> bool:
        """Whether every mutant was undone."""
        return {key[0]: ready.text for key, ready in self._prepared.items()} == {
            name: embedded._duckdb_sql(tree) for name, tree in self._trees.items()
        }

    @contextmanager
    def _mutated(self, query: str, mutant: Mutant) -> Iterator[exp.Expr]:
        """The query's tree, changed for as long as it takes to write it down."""
        undo = []
        for node in self._nodes[mutant.where, mutant.place][query]:
            _, altered = list(_changes(node))[mutant.number]
            undo.append((node.parent, node.arg_key, node.index, node))
            node.replace(altered)
        try:
            yield self._trees[query]
        finally:
            for parent, name, index, node in undo:
                parent.set(name, node, index)
