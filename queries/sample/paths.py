"""How lineage spells a path: the folder of a table, its partitions and files, mounts, volumes, machinery."""

from queries.sample import words

_LANDING = words.STORAGE.format(container="landing")

LOOSE = (
    f"{_LANDING}/partners/acme/orders/{{slashed}}",
    f"{_LANDING}/partners/acme/orders/{{compact}}/part-00000-{{guid}}.c000.snappy.parquet",
    f"{_LANDING}//partners/globex/prices",
    f"{_LANDING}/partners/globex/prices/",
    f"{_LANDING}/partners/initech/year=2026/month=11/region=eu",
    f"{_LANDING}/delta/weather/_delta_log",
    "wasbs://dropzone@stcontosoold.blob.core.windows.net/Export/Daily",
    "s3://partner-drop/in/catalogue/",
    "s3a://partner-drop/in/catalogue",
    "dbfs:/mnt/rawdata/shop/orders/{compact}",
    "dbfs:/mnt/rawdata/shop/customers/",
    "/Volumes/raw/landing/files/leads_{compact}.csv",
    "/Volumes/raw/landing/files/manual uploads",
)
"""Paths that belong to no table."""

MACHINERY = (
    f"{_LANDING}/_checkpoints/orders_stream/offsets/12",
    f"{_LANDING}/checkpoints/stock_stream",
    "dbfs:/tmp/checkpoint/alarms",
    "dbfs:/local_disk0/tmp/spark-{guid}",
    f"{_LANDING}/reports/_temporary/0/task_{{stamp}}",
)
"""Checkpoint and temporary folders: what streaming and writing leave in lineage."""


def spellings(root: str) -> tuple[str, ...]:
    """The ways rows write the folder of one table; fields in braces are filled in for each day."""
    folder = root.rstrip("/")
    above, leaf = folder.rsplit("/", 1)
    return (
        folder,
        f"{folder}/",
        f"{above}//{leaf}",
        f"{folder}/region=eu/day={{dashed}}",
        f"{folder}/{{slashed}}",
        f"{folder}/{{compact}}",
        f"{folder}/part-00000-{{guid}}-c000.snappy.parquet",
        f"{folder}/_delta_log",
        folder.replace("s3://", "s3a://"),
    )


def landing(full_name: str, position: int) -> str:
    """The folder a raw table is loaded from: a dated one, a mounted one, a volume."""
    _, schema, name = full_name.split(".")
    forms = (
        f"{_LANDING}/{schema}/{name}/{{slashed}}",
        f"{_LANDING}/{schema}/{name}/load_date={{dashed}}",
        f"dbfs:/mnt/landing/{schema}/{name}/{{compact}}",
        f"/Volumes/raw/landing/{schema}/{name}",
        f"s3a://contoso-drop/{schema}/{name}/",
    )
    return forms[position % len(forms)]


def export(full_name: str) -> str:
    """The folder a gold table is handed on in."""
    return f"{words.STORAGE.format(container='exports')}/{full_name.replace('.', '/')}/{{compact}}"
