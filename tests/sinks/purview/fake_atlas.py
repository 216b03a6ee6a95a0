"""An Apache Atlas in memory behind a real socket: enough of its semantics to prove what a client may rely on.

Written from Atlas's documented behaviour, sharing no code with the product. It refuses what it does not know: a request
it cannot answer is kept in `unknown`, an attribute or a value that its type lacks is a 400.
"""

import base64
import csv
import email
import io
import itertools
import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

USER, PASSWORD = "admin", "secret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

BASE_TYPES = {
    "Referenceable": ([], {"qualifiedName": "string"}),
    "Asset": (["Referenceable"], {"name": "string", "userDescription": "string", "owner": "string"}),
    "DataSet": (["Asset"], {}),
    "Process": (["Asset"], {"inputs": "array<DataSet>", "outputs": "array<DataSet>"}),
    "databricks_table": (["DataSet"], {"tableType": "string"}),
    "databricks_view": (["DataSet"], {}),
    "azure_datalake_gen2_path": (["DataSet"], {}),
}
NATIVE_TYPES = Path(__file__).parents[2] / "atlas" / "purview_databricks_types.json"
FIELDS = {"guid", "typeName", "attributes", "businessAttributes", "customAttributes", "relationshipAttributes"}
"""Of an entity, all that this server knows."""
SEARCH = "/datamap/api/search/"
IMPORT_HEAD = (
    "EntityType,EntityUniqueAttributeValue,BusinessAttributeName,BusinessAttributeValue,"
    "EntityUniqueAttributeName[optional]"
)
MANDATORY = ("qualifiedName", "name")
SIMPLE = {
    "string": str,
    "boolean": bool,
    "int": int,
    "long": int,
    "date": int,
    "double": (int, float),
    "array<string>": list,
}


class RefusedError(Exception):
    """An answer other than 200."""

    def __init__(self, status, code, words):
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


@dataclass
class Fault:
    """What the server does instead of answering: a status with headers and a body, a drop, a silence of seconds.

    `late` carries out the request first; `slow` answers, after so many seconds.
    """

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    drop: bool = False
    hang: float = 0
    late: bool = False
    slow: float = 0


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    guids: tuple[str, ...] = ()
    """Of the query, the one name that may come several times."""


class FakeAtlas:
    """The state of one catalog; `key` of an entity is its type and qualified name."""

    prefix = "/api/atlas/v2"

    def __init__(self):
        self.types: dict[str, dict[str, Any]] = {
            name: {"name": name, "superTypes": supers, "attributeDefs": _definitions(attributes)}
            for name, (supers, attributes) in BASE_TYPES.items()
        }
        self.groups: dict[str, dict[str, Any]] = {}
        self.relationships: dict[str, dict[str, Any]] = {}
        self.may_define = True
        self.entities: dict[tuple[str, str], dict[str, Any]] = {}
        self.columns: dict[tuple[str, str], list[dict[str, str]]] = {}
        """Ends of the relationship to columns, by the asset."""
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self.faults: deque[Fault | None] = deque()
        self.poison = b""
        """A body that holds this makes the server fail."""
        self.refuses = b""
        """A body that holds this is refused."""
        self.hidden = False
        """True: whoever asks may read no asset."""
        self.merges = True
        """False: business attributes of entities that are there are passed over in bulk, as by Atlas 2.1."""
        self.collections: dict[tuple[str, str], str] = {}
        self.page = 1000
        """Results of a search at once."""
        self.most_at_once = 0
        self.delay = 0.0
        self._at_once = 0
        self._counting = threading.Lock()
        self.answers: list[Any] = []
        self.authorization = BASIC
        self.largest_body = 10_000_000
        self.connections: set[tuple[str, int]] = set()
        self._guids = itertools.count(1)
        self._lock = threading.Lock()

    def scanned(self, type_name, qualified_name, name=None, columns=()):
        """Put an asset there, as a scan would, with its columns; its type comes along where it is not there."""
        self.types.setdefault(type_name, {"name": type_name, "superTypes": ["DataSet"], "attributeDefs": []})
        attributes = {"qualifiedName": qualified_name, "name": name or qualified_name.rpartition("/")[2]}
        self.entities[type_name, qualified_name] = self._made(type_name, attributes)
        self.columns[type_name, qualified_name] = [
            {"guid": f"column-{next(self._guids)}", "typeName": f"{type_name}_column", "displayText": column}
            for column in columns
        ]

    def native(self, leave_out=()):
        """Put Purview's own types for what runs in Databricks there, as Purview has them."""
        given = json.loads(NATIVE_TYPES.read_text(encoding="utf-8"))
        self.types |= {one["name"]: one for one in given["entityDefs"] if one["name"] not in leave_out}
        ends = {one["name"]: {one["endDef1"]["type"], one["endDef2"]["type"]} for one in given["relationshipDefs"]}
        kept = [one for one in given["relationshipDefs"] if self.types.keys() >= ends[one["name"]]]
        self.relationships |= {one["name"]: one for one in kept}

    def hierarchy(self, leave_out=()):
        """Put Purview's own types for what a metastore consists of there, each part of another by a relationship."""
        simple = dict.fromkeys(("catalogName", "schemaName", "dataType", "tableType"), "string")
        chain = ("databricks_metastore", "databricks_catalog", "databricks_schema", "databricks_table")
        pairs = [*pairwise(chain), ("databricks_schema", "databricks_view")]
        pairs += [(one, f"{one}_column") for one in ("databricks_table", "databricks_view")]
        for name in {one for pair in pairs for one in pair} - set(leave_out):
            self.types[name] = {"name": name, "superTypes": ["DataSet"], "attributeDefs": _definitions(simple)}
        for above, below in pairs:
            if not {above, below} & set(leave_out):
                several = "columns" if below.endswith("_column") else f"{below.rpartition('_')[2]}s"
                ends = {"type": above, "name": several}, {"type": below, "name": above.rpartition("_")[2]}
                self.relationships[f"{above}_{below}"] = {
                    "name": f"{above}_{below}", "relationshipCategory": "COMPOSITION", "endDef1": ends[0], "endDef2": ends[1]
                }  # fmt: skip

    def parent(self, type_name, qualified_name, end):
        """The qualified name of what an entity hangs below."""
        return self.entities[type_name, qualified_name]["relationships"][end][1]

    def process(self, qualified_name, type_name="uc_miner_process"):
        """The attributes of a process."""
        return self.entities[type_name, qualified_name]["attributes"]

    def inputs(self, qualified_name):
        """The qualified names a process reads."""
        return [one["uniqueAttributes"]["qualifiedName"] for one in self.process(qualified_name)["inputs"]]

    def usage(self, qualified_name, type_name="databricks_table"):
        """The business attributes of an asset."""
        return self.entities[type_name, qualified_name]["businessAttributes"]

    def calls(self, method, path):
        """The requests of one method whose path begins so."""
        return [one for one in self.asked if one.method == method and one.path.startswith(path)]

    def answer(self, asked: Asked) -> Any:
        """Carry out a request; raises RefusedError."""
        with self._counted(), self._lock:
            if asked.headers.get("authorization") != self.authorization:
                raise RefusedError(401, "", "who are you")
            if len(asked.body) > self.largest_body:
                raise RefusedError(413, "", "too large")
            answer = self._route(asked)
            self.answers.append(answer)
            return answer

    @contextmanager
    def _counted(self):
        with self._counting:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self.delay)
        try:
            yield
        finally:
            with self._counting:
                self._at_once -= 1

    def _route(self, asked):
        match asked.method, asked.path.strip("/").split("/"):
            case "GET", ["types", "typedefs", "headers"]:
                kinds = {"ENTITY": self.types, "BUSINESS_METADATA": self.groups, "RELATIONSHIP": self.relationships}
                return [{"category": kind, "name": name} for kind, there in kinds.items() for name in there]
            case "GET", ["types", "typedef", "name", name]:
                return self._definition(unquote(name))
            case "POST", ["types", "typedefs"]:
                return self._define(json.loads(asked.body), existing=False)
            case "PUT", ["types", "typedefs"]:
                return self._define(json.loads(asked.body), existing=True)
            case _, ["entity", *rest]:
                return self._route_entity(asked, rest)
        return self._searched(asked)

    def _searched(self, asked):
        """Purview's search beside the Atlas API: assets of some types whose name holds the keywords, page by page."""
        if (asked.method, asked.path) != ("POST", f"{SEARCH}query"):
            return self._unknown(asked)
        body = json.loads(asked.body)
        assert set(body) - {"continuationToken"} == {"keywords", "filter", "limit"}
        assert 0 < body["limit"] <= 1000
        types = [one["entityType"] for one in body["filter"].get("or", [body["filter"]])]
        keywords = (body["keywords"] or "").lower()
        found = [
            {"qualifiedName": one["attributes"]["qualifiedName"], "name": one["attributes"]["name"], "entityType": kind}
            for (kind, _), one in sorted(self.entities.items())
            if kind in types and keywords in one["attributes"]["name"].lower()
        ]
        start = int(body.get("continuationToken", "0"))
        end = start + min(body["limit"], self.page)
        more = {"continuationToken": str(end)} if end < len(found) else {}
        return {"@search.count": len(found), "value": found[start:end], **more}

    def _route_entity(self, asked, rest):
        match asked.method, rest:
            case "POST", ["bulk"]:
                if self.poison and self.poison in asked.body:
                    raise RefusedError(500, "ATLAS-500-00-001", "something broke")
                if self.refuses and self.refuses in asked.body:
                    raise RefusedError(400, "ATLAS-400-00-01A", "invalid parameters")
                behaviour = asked.query.get("businessAttributeUpdateBehavior", "ignore")
                return self._bulk(json.loads(asked.body), behaviour, asked.query.get("collectionId", ""))
            case _, ["businessmetadata", "import", *template]:
                return IMPORT_HEAD if template else self._imported(asked)
            case "GET", ["bulk", *named]:
                return self._found(named[2], asked.query) if named else self._of_guids(asked)
            case "DELETE", ["guid", guid, "businessmetadata"]:
                return self._business_deleted(guid, json.loads(asked.body))
            case "PUT" | "DELETE", ["uniqueAttribute", "type", type_name]:
                name = asked.query["attr:qualifiedName"]
                deletes = asked.method == "DELETE"
                return self._deleted(type_name, name) if deletes else self._updated(type_name, name, asked.body)
        return self._unknown(asked)

    def _unknown(self, asked):
        self.unknown.append(f"{asked.method} {asked.path}")
        raise RefusedError(501, "", "unknown request")

    def _definition(self, name):
        if name in self.types:
            return self.types[name] | {"relationshipAttributeDefs": list(self._ends(name).values())}
        definition = self.groups.get(name) or self.relationships.get(name)
        if definition is None:
            raise RefusedError(404, "ATLAS-404-00-001", f"Given typename {name} was invalid")
        return definition

    def _ends(self, type_name):
        """The ends of relationships that a type has, its supertypes' too; a child cannot be without its parent."""
        supers, ends = self._supers(type_name), {}
        for one in self.relationships.values():
            first, second, owns = one["endDef1"], one["endDef2"], one["relationshipCategory"] == "COMPOSITION"
            if first["type"] in supers:
                ends[first["name"]] = {
                    "name": first["name"], "typeName": f"array<{second['type']}>", "isOptional": True, "owned": owns
                }  # fmt: skip
            if second["type"] in supers:
                ends[second["name"]] = {"name": second["name"], "typeName": first["type"], "isOptional": not owns}
        return ends

    def _define(self, body, existing):
        if not self.may_define:
            raise RefusedError(403, "ATLAS-403-00-001", "admin is not authorized to perform create type")
        stores = {
            "entityDefs": self.types, "relationshipDefs": self.relationships, "businessMetadataDefs": self.groups
        }  # fmt: skip
        for category, store in stores.items():
            for wanted in body.pop(category, []):
                if existing and wanted["name"] not in store:
                    raise RefusedError(404, "ATLAS-404-00-001", f"Given typename {wanted['name']} was invalid")
                if not existing and wanted["name"] in store:
                    raise RefusedError(409, "ATLAS-409-00-001", f"Given type {wanted['name']} already exists")
                self._check_definition(wanted, store.get(wanted["name"]))
                store[wanted["name"]] = wanted
        assert not body, f"unknown definitions {list(body)}"
        return {}

    def _check_definition(self, wanted, present):
        for end in ("endDef1", "endDef2"):
            if end in wanted and wanted[end]["type"] not in self.types:
                raise RefusedError(404, "ATLAS-404-00-001", f"Given typename {wanted[end]['type']} was invalid")
        names = {one["name"]: one["typeName"] for one in wanted.get("attributeDefs") or []}
        for one in (present or {}).get("attributeDefs", []):
            if names.get(one["name"]) != one["typeName"]:
                raise RefusedError(400, "ATLAS-400-00-01A", f"attribute {one['name']} may not be changed or removed")
        for one in wanted.get("attributeDefs") or []:
            if one["typeName"] not in SIMPLE:
                raise RefusedError(400, "ATLAS-400-00-01A", f"no type {one['typeName']}")
            for type_name in _applicable(one):
                if type_name not in self.types:
                    raise RefusedError(404, "ATLAS-404-00-001", f"Given typename {type_name} was invalid")

    def _imported(self, asked):
        """Figures as CSV: all lines of an entity together, or none."""
        head, *lines = csv.reader(io.StringIO(_only_part(asked)))
        assert head == IMPORT_HEAD.split(",")
        failed, taken = [], []
        rows = sorted(enumerate(lines, 1), key=lambda row: row[1][:2])
        for key, group in itertools.groupby(rows, key=lambda row: tuple(row[1][:2])):
            entity = self.entities.get(key)
            for number, (_, name, attribute, value, by) in group:
                assert by == "qualifiedName"
                if entity is None:
                    failed.append({"parentObjectName": "", "remarks": f"Line #{number}: no {key[0]} with {name}"})
                    continue
                group_name, figure = attribute.split(".")
                kinds = {one["name"]: one["typeName"] for one in self.groups[group_name]["attributeDefs"]}
                read = float(value) if kinds[figure] == "double" else int(value)
                entity["businessAttributes"].setdefault(group_name, {})[figure] = read
            taken += [{"parentObjectName": entity["guid"]}] if entity else []
        return {"failedImportInfoList": failed, "successImportInfoList": taken}

    def _bulk(self, body, behaviour, collection):
        assert behaviour in {"ignore", "merge", "replace"}
        assert set(body) == {"entities"}
        # Entities without a guid of their own are one and the same: the last one stays.
        batch = {one.get("guid"): one for one in body["entities"]}
        keys = [self._checked(one) for one in batch.values()]
        for one in batch.values():
            self._check_references(one, set(keys))
        changed: dict[str, list[dict[str, str]]] = {}
        for key, one in zip(keys, batch.values(), strict=True):
            change = self._store(key, one, behaviour)
            # The collection named takes what is there already as well.
            self.collections[key] = collection or self.collections.get(key, "")
            if change:
                changed.setdefault(change, []).append({"typeName": key[0], "guid": self.entities[key]["guid"]})
        return {"mutatedEntities": changed} if changed else {}

    def _checked(self, one):
        type_name = one["typeName"]
        if type_name not in self.types:
            raise RefusedError(400, "ATLAS-400-00-014", f"unknown type {type_name}")
        if not str(one.get("guid", "-1")).startswith("-"):
            raise RefusedError(404, "ATLAS-404-00-005", "Given instance guid is invalid/not found")
        known = self._attributes(type_name)
        for name in MANDATORY:
            if not one["attributes"].get(name):
                raise RefusedError(404, "ATLAS-404-00-007", f"{type_name}.{name}: mandatory attribute value missing")
        for name, value in one["attributes"].items():
            _check_value(name, value, known.get(name))
        for group, values in one.get("businessAttributes", {}).items():
            self._check_business(type_name, group, values)
        for name, value in one.get("customAttributes", {}).items():
            if not re.fullmatch(r"[\w-]{1,50}", name) or len(value) > 500:
                raise RefusedError(400, "ATLAS-400-00-0B2", f"custom attribute {name} is too long")
        assert one.keys() <= FIELDS
        self._check_parents(one)
        return type_name, one["attributes"]["qualifiedName"]

    def _check_parents(self, one):
        """A child has its parent; who it is, is looked up among what is there, subtypes too."""
        ends = self._ends(one["typeName"])
        given = one.get("relationshipAttributes", {})
        present = self.entities.get((one["typeName"], one["attributes"]["qualifiedName"]))
        for name, end in ends.items():
            if not end["isOptional"] and name not in given and not present:
                raise RefusedError(404, "ATLAS-404-00-007", f"{name}: mandatory attribute value missing")
        for name, reference in given.items():
            if name not in ends:
                raise RefusedError(400, "ATLAS-400-00-01A", f"no relationship {name}")
            if ends[name]["typeName"] not in self._supers(reference["typeName"]):
                raise RefusedError(400, "ATLAS-400-00-036", f"{reference['typeName']} is no valid end")
            self._referred(reference)

    def _referred(self, reference):
        name = reference["uniqueAttributes"]["qualifiedName"]
        for key in self.entities:
            if key[1] == name and reference["typeName"] in self._supers(key[0]):
                return key
        raise RefusedError(404, "ATLAS-404-00-00A", f"Referenced entity {reference['typeName']} {name} is not found")

    def _check_business(self, type_name, group, values):
        if group not in self.groups:
            raise RefusedError(400, "ATLAS-400-00-0B0", f"no group {group}")
        known = {one["name"]: one for one in self.groups[group]["attributeDefs"]}
        for name, value in values.items():
            if name not in known or type_name not in _applicable(known[name]):
                raise RefusedError(400, "ATLAS-400-00-0B1", f"{group}.{name} does not apply to {type_name}")
            _check_value(name, value, known[name]["typeName"])

    def _check_references(self, one, batch):
        for end in ("inputs", "outputs"):
            for reference in one["attributes"].get(end) or []:
                key = reference["typeName"], reference["uniqueAttributes"]["qualifiedName"]
                if key not in self.entities and key not in batch:
                    raise RefusedError(404, "ATLAS-404-00-00A", f"Referenced entity {key} is not found")
                if "DataSet" not in self._supers(key[0]):
                    raise RefusedError(400, "ATLAS-400-00-036", f"{key[0]} is no valid end")

    def _store(self, key, one, behaviour):
        present = self.entities.get(key)
        business = one.get("businessAttributes", {})
        parents = {end: self._referred(there) for end, there in one.get("relationshipAttributes", {}).items()}
        custom = one.get("customAttributes")
        if present is None:
            made = self._made(key[0], one["attributes"], business)
            self.entities[key] = made | {"customAttributes": custom or {}, "relationships": parents}
            return "CREATE"
        if not self.merges:
            behaviour = "ignore"
        attributes = present["attributes"] | {k: v for k, v in one["attributes"].items() if v is not None}
        merged = _merged(present["businessAttributes"], business, behaviour)
        after = {
            "attributes": attributes,
            "businessAttributes": merged,
            "customAttributes": present["customAttributes"] if custom is None else custom,
            "relationships": present["relationships"] | parents,
        }
        if all(present[name] == value for name, value in after.items()):
            return None
        present.update(after)
        return "UPDATE"

    def _made(self, type_name, attributes, business=None):
        made = {"typeName": type_name, "guid": f"guid-{next(self._guids)}", "status": "ACTIVE"}
        made |= {"customAttributes": {}, "relationships": {}}
        return made | {"attributes": dict(attributes), "businessAttributes": _merged({}, business or {}, "merge")}

    def _found(self, type_name, query):
        if type_name not in self.types:
            raise RefusedError(400, "ATLAS-400-00-014", f"Type ENTITY with name {type_name} does not exist")
        wanted = [value for name, value in query.items() if name.startswith("attr_")]
        if len(wanted) > 25 or sum(map(len, wanted)) > 8000:
            raise RefusedError(414, "", "address too long")
        there = {} if self.hidden else self.entities
        found = [self._told(there[type_name, name]) for name in wanted if (type_name, name) in there]
        if query["ignoreRelationships"] == "False":
            for one in found:
                key = (type_name, one["attributes"]["qualifiedName"])
                more = {
                    "columns": self.columns.get(key, []) + self._parts(key),
                    "outputFromProcesses": self._makers(one),
                }
                one["relationshipAttributes"] = one["relationshipAttributes"] | more
        return {"entities": found, "referredEntities": {}}

    def _told(self, entity):
        """As it is answered: what it refers to is told by guid."""
        ends = {
            end: [self._pointer(one["typeName"], one["uniqueAttributes"]["qualifiedName"]) for one in references]
            for end in ("inputs", "outputs")
            if (references := entity["attributes"].get(end)) is not None
        }
        parents = {end: self._pointer(*key) for end, key in entity["relationships"].items()}
        attributes = entity["attributes"] | ends
        return {**entity, "attributes": attributes, "relationshipAttributes": ends | parents}

    def _pointer(self, *key):
        gone = {"guid": "gone", "entityStatus": "DELETED"}
        return {"guid": self.entities[key]["guid"], "typeName": key[0]} if key in self.entities else gone

    def _updated(self, type_name, qualified_name, content):
        """Some attributes of an entity that is there; the others stay."""
        body = json.loads(content)
        assert set(body) == {"entity"}
        if (type_name, qualified_name) not in self.entities:
            raise RefusedError(404, "ATLAS-404-00-009", f"Instance {type_name} {qualified_name} is invalid/not found")
        assert body["entity"]["typeName"] == type_name
        known = self._attributes(type_name)
        for name, value in body["entity"]["attributes"].items():
            _check_value(name, value, known.get(name))
        self.entities[type_name, qualified_name]["attributes"].update(body["entity"]["attributes"])
        return {}

    def _of_guids(self, asked):
        """Ends of a process are relationships, told by their guid alone."""
        assert 0 < len(asked.guids) <= 50
        there = {one["guid"]: one for one in self.entities.values()}
        found = []
        for guid in asked.guids:
            ends = there[guid]["attributes"].get("inputs") or []
            keys = [(one["typeName"], one["uniqueAttributes"]["qualifiedName"]) for one in ends]
            attributes = {name: value for name, value in there[guid]["attributes"].items() if name != "inputs"}
            related = {"inputs": [{"guid": self.entities[key]["guid"], "typeName": key[0]} for key in keys]}
            with_ends = asked.query["ignoreRelationships"] == "False"
            found.append(
                there[guid] | {"attributes": attributes, "relationshipAttributes": related if with_ends else {}}
            )
        return {"entities": found, "referredEntities": {}}

    def _parts(self, key):
        """The columns that hang below an asset."""
        return [
            {"guid": one["guid"], "typeName": kind, "displayText": one["attributes"]["name"]}
            for (kind, _), one in self.entities.items()
            if kind == f"{key[0]}_column" and key in one["relationships"].values()
        ]

    def _makers(self, asset):
        """The processes that write an asset."""
        key = (asset["typeName"], asset["attributes"]["qualifiedName"])
        return [
            {"guid": one["guid"], "typeName": one["typeName"], "relationshipStatus": "ACTIVE"}
            for one in self.entities.values()
            for end in one["attributes"].get("outputs") or []
            if (end["typeName"], end["uniqueAttributes"]["qualifiedName"]) == key
        ]

    def _deleted(self, type_name, qualified_name):
        if (type_name, qualified_name) not in self.entities:
            raise RefusedError(404, "ATLAS-404-00-009", f"Instance {type_name} {qualified_name} is invalid/not found")
        gone = self.entities.pop((type_name, qualified_name))
        owned = [name for name, end in self._ends(type_name).items() if end.get("owned")]
        parent = (type_name, qualified_name)
        for child in [key for key, one in self.entities.items() if parent in one["relationships"].values()]:
            assert owned
            self._deleted(*child)
        return {"mutatedEntities": {"DELETE": [{"guid": gone["guid"]}]}}

    def _business_deleted(self, guid, groups):
        (entity,) = [one for one in self.entities.values() if one["guid"] == guid]
        for group, values in groups.items():
            for name in values:
                del entity["businessAttributes"][group][name]
        return {}

    def _supers(self, type_name):
        own = self.types[type_name]["superTypes"]
        return {type_name, *own, *(far for near in own for far in self._supers(near))}

    def _attributes(self, type_name):
        types = [self.types[name] for name in self._supers(type_name)]
        return {one["name"]: one["typeName"] for definition in types for one in definition["attributeDefs"]}


def _only_part(asked):
    """The file of a form."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    (part,) = email.message_from_bytes(head + asked.body).get_payload()
    return part.get_payload(decode=True).decode()


def _definitions(attributes):
    return [{"name": name, "typeName": kind} for name, kind in attributes.items()]


def _applicable(attribute):
    return json.loads((attribute.get("options") or {}).get("applicableEntityTypes", "[]"))


def _check_value(name, value, kind):
    if kind is None:
        raise RefusedError(400, "ATLAS-400-00-01A", f"no attribute {name}")
    if value is None or kind == "array<DataSet>":
        return
    if not isinstance(value, SIMPLE[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise RefusedError(400, "ATLAS-400-00-01A", f"{name}: {value!r} is no {kind}")


def _merged(present, given, behaviour):
    if behaviour == "ignore":
        return present
    merged = {} if behaviour == "replace" else {group: dict(values) for group, values in present.items()}
    for group, values in given.items():
        # Seen on Atlas 2.1.0: null does not take a number away, it becomes 0.
        merged[group] = merged.get(group, {}) | {name: 0 if value is None else value for name, value in values.items()}
    return merged


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 for the catalog that its server holds."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "AtlasServer"

    def _serve(self):
        catalog = self.server.catalog
        address = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = address.path.removeprefix(catalog.prefix)
        pairs = parse_qsl(address.query, keep_blank_values=True)
        guids = tuple(value for name, value in pairs if name == "guid")
        asked = Asked(self.command, path, dict(pairs), headers, content, guids)
        catalog.asked.append(asked)
        catalog.connections.add(self.client_address)
        fault = catalog.faults.popleft() if catalog.faults else None
        if fault and fault.late:
            self._answered(asked)
        if fault and (fault.drop or fault.hang):
            time.sleep(fault.hang)
            self.close_connection = True
        elif fault and fault.slow:
            time.sleep(fault.slow)
            self._send(*self._answered(asked))
        elif fault:
            self._send(fault.status, fault.body, fault.headers)
        elif not address.path.startswith((catalog.prefix, SEARCH)):
            self._send(404, "<html>nothing here</html>", {"Content-Type": "text/html"})
        else:
            self._send(*self._answered(asked))

    def _answered(self, asked):
        try:
            answer = self.server.catalog.answer(asked)
            return 200, answer if isinstance(answer, str) else json.dumps(answer), {}
        except RefusedError as refused:
            told = {"errorCode": refused.code, "errorMessage": refused.words} if refused.code else {}
            return refused.status, json.dumps(told) if told else refused.words, {}

    def _send(self, status, text, headers):
        content = text.encode()
        self.send_response_only(status)
        told = {"Content-Type": "application/json", "Date": self.date_time_string(), **headers}
        for name, value in {**told, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815


class AtlasServer(ThreadingHTTPServer):
    """The socket in front of a catalog, on a port of its own."""

    daemon_threads = True

    def __init__(self, catalog):
        super().__init__(("127.0.0.1", 0), Handler)
        self.catalog = catalog

    @property
    def endpoint(self):
        """Where the catalog's API begins."""
        return f"http://127.0.0.1:{self.server_port}{self.catalog.prefix}"


@contextmanager
def answering() -> Iterator[FakeAtlas]:
    """An empty catalog that answers on a real socket of this machine."""
    catalog = FakeAtlas()
    server = AtlasServer(catalog)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    catalog.endpoint = server.endpoint
    try:
        yield catalog
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
