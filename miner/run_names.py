"""What a one-time run is called from run to run."""

import re

_GUID = r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_TIME = r"[T _-]?\d{2}[:-]?\d{2}(?:[:-]?\d{2}(?:\.\d+)?)?"
_DATE = rf"(?:19|20)\d{{2}}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?:{_TIME})?(?:Z|[+-]\d{{2}}:?\d{{2}})?"
_COUNTER = r"\d+"
_TAIL = re.compile(rf"[\s_.:#-]*(?:\(?(?:{_GUID}|{_DATE})\)?|(?<=[\s_.:#-]){_COUNTER})$")


def stable_name(run_name: str | None) -> str:
    """A run's name without trailing GUID, date or counter; empty when nothing telling is left.

    Data Factory writes `ADF_<factory>_<pipeline>_<activity>_<guid>`, Airflow `<dag>__<task>` or its own run ids with
    a date. Only the tail is cut: names may hold any of the separators.
    """
    name = (run_name or "").strip()
    while name:
        shorter = _TAIL.sub("", name)
        if shorter == name:
            break
        name = shorter
    return name if re.search(r"[^\W\d_]", name) else ""
