"""What a test asks of the catalog: assets as a scan would leave them, and what is there. It shares no code with us."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import requests

from tests.atlas.server import PASSWORD, USER, Atlas

NATIVE_TYPES = Path(__file__).with_name("purview_databricks_types.json")
DATASET_TYPES = (
    "databricks_table", "databricks_view", "hive_table", "hive_view",
    "azure_datalake_gen2_filesystem", "azure_datalake_gen2_path", "azure_datalake_gen2_resource_set",
    "azure_blob_container", "azure_blob_path", "azure_blob_resource_set", "azure_datalake_gen1_path",
    "aws_s3_v2_bucket", "aws_s3_v2_directory", "aws_s3_v2_object", "aws_s3_v2_resource_set",
)  # fmt: skip
"""Types of datasets that Purview has built in."""

COLUMN = "databricks_table_column"
COLUMNS = {
    "name": "databricks_table_columns", "typeVersion": "1.0", "relationshipCategory": "COMPOSITION", "propagateTags": "NONE",
    "endDef1": {"type": "databricks_table", "name": "columns", "isContainer": True, "cardinality": "SET"},
    "endDef2": {"type": COLUMN, "name": "table", "isContainer": False, "cardinality": "SINGLE"},
}  # fmt: skip
"""A table has columns as other types of Purview have them, by a relationship."""

_AT_ONCE = 50

Key = tuple[str, str]


class Catalog:
    """One Atlas, filled and read by plain requests. `scanned` are the guids of assets, by type and name."""

    def __init__(self, server: Atlas):
        self.endpoint = server.endpoint
        self.scanned: dict[Key, str] = {}
        self._session = requests.Session()
        self._session.auth = (USER, PASSWORD)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def ask(self, method: str, path: str, **given):
        """One request; anything but success fails the test."""
        answer = self._session.request(method, f"{self.endpoint}/{path}", timeout=120, **given)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.text else None

    def define(self) -> None:
        """The types that Purview has: those of datasets, and the native ones of Databricks, once."""
        there = {one["name"] for one in self.ask("GET", "types/typedefs/headers")}
        names = [*DATASET_TYPES, "hive_server"]
        if there.issuperset(names):
            return
        names += [COLUMN]
        types = [{"name": one, "superTypes": ["DataSet"], "typeVersion": "1.0", "attributeDefs": []} for one in names]
        self.ask("POST", "types/typedefs", json={"entityDefs": types, "relationshipDefs": [COLUMNS]})
        self.ask("POST", "types/typedefs", json=json.loads(NATIVE_TYPES.read_text(encoding="utf-8")))

    def define_hierarchy(self) -> None:
        """The types of what a metastore consists of, each part of another, as Purview's scan needs them."""
        there = {one["name"] for one in self.ask("GET", "types/typedefs/headers")}
        above = [
            ("databricks_metastore", "databricks_catalog"), ("databricks_catalog", "databricks_schema"),
            ("databricks_schema", "databricks_table"), ("databricks_schema", "databricks_view"),
            ("databricks_view", "databricks_view_column"),
        ]  # fmt: skip
        text = {"typeName": "string", "isOptional": True, "cardinality": "SINGLE"}
        names = {one for pair in above for one in pair} - there
        types = [
            {"name": one, "superTypes": ["DataSet"], "typeVersion": "1.0", "attributeDefs": [
                {"name": name, **text} for name in ("catalogName", "schemaName", "dataType")
            ]} for one in sorted(names)
        ]  # fmt: skip
        parts = [
            {
                **COLUMNS, "name": f"{first}_{second.removeprefix('databricks_')}s",
                "endDef2": {**COLUMNS["endDef2"], "type": second, "name": first.removeprefix("databricks_")},
                # What tests scan has no schema.
                "relationshipCategory": "ASSOCIATION" if second in DATASET_TYPES else "COMPOSITION",
                "endDef1": {
                    "type": first, "name": f"{second.removeprefix('databricks_')}s", "cardinality": "SET",
                    "isContainer": second not in DATASET_TYPES,
                },
            }
            for first, second in above
        ]  # fmt: skip
        parts = [one for one in parts if one["name"] not in there]
        if types or parts:
            self.ask("POST", "types/typedefs", json={"entityDefs": types, "relationshipDefs": parts})

    def scan(self, assets: Iterable[Key]) -> None:
        """Put assets there, as a scan would."""
        for some in _chunks(sorted(set(assets) - self.scanned.keys()), 100):
            entities = [
                {
                    "guid": f"-{number}",
                    "typeName": kind,
                    "attributes": {"qualifiedName": name, "name": name.rstrip("/").rpartition("/")[2] or name},
                }
                for number, (kind, name) in enumerate(some, 1)
            ]
            answer = self.ask("POST", "entity/bulk", json={"entities": entities})
            assigned = answer["guidAssignments"]
            self.scanned |= {key: assigned[f"-{number}"] for number, key in enumerate(some, 1)}

    def scan_columns(self, table: Key, names: Iterable[str]) -> None:
        """Give a table that is there its columns."""
        above = {"typeName": table[0], "uniqueAttributes": {"qualifiedName": table[1]}}
        entities = [
            {
                "guid": f"-{number}",
                "typeName": COLUMN,
                "attributes": {"qualifiedName": f"{table[1]}/columns/{name}", "name": name},
                "relationshipAttributes": {"table": above},
            }
            for number, name in enumerate(names, 1)
        ]
        self.ask("POST", "entity/bulk", json={"entities": entities})

    def lose(self, assets: Iterable[Key]) -> None:
        """Take assets away, as somebody may at any time."""
        self._delete([self.scanned.pop(one) for one in sorted(assets)])

    def write_metadata(self, guid: str, groups: Mapping[str, Mapping[str, object]]) -> None:
        """Write business metadata into an asset, over what these groups hold, as somebody may at any time."""
        self.ask("POST", f"entity/guid/{guid}/businessmetadata", params={"isOverwrite": "false"}, json=groups)

    def empty(self) -> None:
        """Take away every asset and whatever is tied to one."""
        self.forget_processes()
        self._delete(list(self.scanned.values()))
        self.scanned.clear()

    def forget(self) -> None:
        """Take away every process, and all figures."""
        self.forget_processes()
        for asset in self._read(list(self.scanned.values())):
            groups = asset.get("businessAttributes") or {}
            if groups:
                self.ask("DELETE", f"entity/guid/{asset['guid']}/businessmetadata", json=groups)

    def forget_processes(self) -> None:
        """Take away every process with all that it hangs below."""
        processes = self.attached()
        above = [one for some in self.above(processes).values() for one in some]
        gone = dict.fromkeys(one["guid"] for one in [*processes, *above])
        for guid in gone:
            answer = self._session.delete(f"{self.endpoint}/entity/guid/{guid}", timeout=120)
            assert answer.ok or answer.status_code == 404

    def above(self, entities: list[dict]) -> dict[str, list[dict]]:
        """What entities hang below, innermost first, by their qualified names."""
        known: dict[str, dict] = {}
        found = {}
        for entity in entities:
            one, chain = entity, []
            while guid := self.parent_of(one):
                if guid not in known:
                    (known[guid],) = self._read([guid])
                one = known[guid]
                chain.append(one)
            found[entity["attributes"]["qualifiedName"]] = chain
        return found

    @staticmethod
    def parent_of(entity: dict) -> str | None:
        """The guid of what an entity hangs below, None when it is at the top."""
        ends = entity["relationshipAttributes"]
        parents = [ends[end]["guid"] for end in ("runnable", "task", "job", "workspace") if ends.get(end)]
        return parents[0] if parents else None

    def attached(self) -> list[dict]:
        """Every process tied to an asset, whoever made it; found from the assets, not by names we expect."""
        guids = {
            one["guid"]
            for asset in self._read(list(self.scanned.values()))
            for end in ("inputToProcesses", "outputFromProcesses")
            for one in asset["relationshipAttributes"][end]
            if one["entityStatus"] == "ACTIVE" and one["relationshipStatus"] == "ACTIVE"
        }
        return self._read(sorted(guids))

    def processes(self) -> dict[str, dict]:
        """Attributes of all processes by qualified name, ends as sets of keys."""
        attached = self.attached()
        keys = self._keys(attached)
        found: dict[str, dict] = {}
        for one in attached:
            attributes = {name: value for name, value in one["attributes"].items() if value not in (None, [])}
            for end in ("inputs", "outputs"):
                attributes[end] = {keys[there["guid"]] for there in one["attributes"][end]}
            name = attributes["qualifiedName"]
            assert name not in found, f"{name} is there twice"
            found[name] = attributes | {"typeName": one["typeName"], "custom": one.get("customAttributes") or {}}
        return found

    def figures(self) -> dict[Key, dict]:
        """The business attributes of assets that have some."""
        keys = {guid: key for key, guid in self.scanned.items()}
        read = self._read(list(self.scanned.values()))
        return {keys[one["guid"]]: one["businessAttributes"] for one in read if one.get("businessAttributes")}

    def named(self, type_name: str, qualified_name: str) -> dict:
        """One entity by its name."""
        return self.ask("GET", self._address(type_name), params={"attr:qualifiedName": qualified_name})["entity"]

    def change(self, type_name: str, qualified_name: str, attributes: dict) -> None:
        """Change an entity behind the miner's back."""
        entity = {"typeName": type_name, "attributes": {"qualifiedName": qualified_name, **attributes}}
        params = {"attr:qualifiedName": qualified_name}
        self.ask("PUT", self._address(type_name), params=params, json={"entity": entity})

    @staticmethod
    def _address(type_name: str) -> str:
        return f"entity/uniqueAttribute/type/{type_name}"

    def lineage(self) -> set[tuple[Key, str, Key]]:
        """Source, process and target of every path of two steps, as the lineage of each asset tells it."""
        found = set()
        keys = self._keys(self.attached())
        for guid in keys:
            told = self.ask("GET", f"lineage/{guid}", params={"direction": "INPUT", "depth": 1})
            names = {id_: one["attributes"]["qualifiedName"] for id_, one in told["guidEntityMap"].items()}
            steps = [(one["fromEntityId"], one["toEntityId"]) for one in told["relations"]]
            for process in {start for start, end in steps if end == guid}:
                sources = {start for start, end in steps if end == process}
                found |= {(keys[source], names[process], keys[guid]) for source in sources}
        return found

    def consumer(self, key: Key) -> str:
        """The id of the process that a dataset of our own stands for."""
        asked = self.ask("GET", f"entity/uniqueAttribute/type/{key[0]}", params={"attr:qualifiedName": key[1]})
        return asked["entity"]["attributes"]["processId"]

    def _keys(self, processes: list[dict]) -> dict[str, Key]:
        """Type and name of every asset, and of everything else that processes have as an end."""
        keys = {guid: key for key, guid in self.scanned.items()}
        ends = {there["guid"] for one in processes for end in ("inputs", "outputs") for there in one["attributes"][end]}
        others = self._read(sorted(ends - keys.keys()))
        return keys | {one["guid"]: (one["typeName"], one["attributes"]["qualifiedName"]) for one in others}

    def _read(self, guids: list[str]) -> list[dict]:
        read = []
        for some in _chunks(guids, _AT_ONCE):
            answer = self.ask("GET", "entity/bulk", params={"guid": some})
            read += answer["entities"]
        return read

    def _delete(self, guids: list[str]) -> None:
        for some in _chunks(guids, _AT_ONCE):
            self.ask("DELETE", "entity/bulk", params={"guid": some})


def _chunks(items: list, size: int) -> Iterator[list]:
    return (items[start : start + size] for start in range(0, len(items), size))
