"""What becomes of an entity of ours that has nothing to stand for any more, and is not to be deleted."""

from sinks.purview.typedefs import Json

RETIRED = "(retired) "
"""Begins the name of an entity that is kept without lineage. Sent again, the entity has its own name."""


def retired(name: str, *, ends: bool) -> Json:
    """The attributes that mark an entity by its name, and take one that has `ends`, a process, out of lineage."""
    marked: Json = {"name": name if name.startswith(RETIRED) else f"{RETIRED}{name}"}
    return marked | ({"inputs": [], "outputs": []} if ends else {})
