"""What lineage does not see of an estate: tables in a share, and what the audit log tells of reads past lineage."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from queries.sample.datasets import TABLE, Dataset
from queries.sample.people import WORKSPACES
from queries.sample.plan import Plan

Record = dict[str, object]

_SHARE = "partners"
_RECIPIENT = "fabrikam"
_SHARED_OF = 40
_OPENED_OF = 30
_ACTIONS = ("generateTemporaryTableCredential", "deltaSharingQueriedTable", "getTable")
"""Whoever asks for a table's credentials, a recipient's read, and a look that is no read."""


def _every(plan: Plan, listed: Sequence[Dataset], number: int) -> list[Dataset]:
    """Every so many-th table of the estate's own, whatever it is used for, from one on that the seed decides."""
    own = [one for one in listed if one.type == TABLE and one.parts[0] != "system"]
    return own[uuid5(NAMESPACE_URL, plan.metastore_id).int % number :: number]


def table_shares(plan: Plan, listed: Sequence[Dataset]) -> Iterator[Record]:
    """The tables in the one share, under names of its own."""
    for shared in _every(plan, listed, _SHARED_OF):
        catalog, schema, name = shared.parts
        yield {
            "catalog_name": catalog,
            "schema_name": schema,
            "table_name": name,
            "share_name": _SHARE,
            "cdf_enabled": "false",
            "comment": f"contract {uuid5(NAMESPACE_URL, f'{plan.metastore_id}/{name}').hex[:8]}",
            "start_version": 0,
            "shared_as_schema": f"{catalog}_{schema}",
            "shared_as_table": name,
        }


def audit_log(plan: Plan, listed: Sequence[Dataset]) -> Iterator[Record]:
    """Some events of each day: reads of recipients and of other engines, writers' credentials, and looks."""
    for day in range(plan.days):
        for number, shared in enumerate(_every(plan, listed, _SHARED_OF)):
            if (day + number) % 3 == 0:
                catalog, schema, name = map(str, shared.parts)
                told = {"share": _SHARE, "schema": f"{catalog}_{schema}", "name": name, "recipient_name": _RECIPIENT}
                yield _event(plan, day, _ACTIONS[1], told)
        for number, opened in enumerate(_every(plan, listed, _OPENED_OF)):
            operation = "READ_WRITE" if (day + number) % 5 == 0 else "READ"
            named = {"table_full_name": opened.full_name or "", "operation": operation}
            yield _event(plan, day, _ACTIONS[0], named)
            yield _event(plan, day, _ACTIONS[2], {"full_name_arg": opened.full_name or ""})


def _event(plan: Plan, day: int, action: str, told: dict[str, str]) -> Record:
    on = plan.first_day + timedelta(days=day)
    key = f"{plan.metastore_id}/{on}/{action}/{sorted(told.items())}"
    return {
        "account_id": plan.account_id,
        "workspace_id": "0" if "recipient_name" in told else WORKSPACES[0][1],
        "version": "2.0",
        "event_time": datetime.combine(on, time(6 + day % 12), UTC),
        "event_date": on,
        "event_id": str(uuid5(NAMESPACE_URL, key)),
        "service_name": "unityCatalog",
        "action_name": action,
        "request_params": [*told.items(), ("metastore_id", plan.metastore_id)],
        "response": {"status_code": 200, "error_message": None, "result": None},
        "audit_level": "ACCOUNT_LEVEL",
    }
