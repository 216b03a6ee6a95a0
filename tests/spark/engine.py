"""One small Spark on this machine, with a catalog named `system` over exported tables."""

import os
import shutil
import subprocess
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

CATALOG = Path(__file__).with_name("ExportCatalog.java")
JARS = Path(pyspark.__file__).with_name("jars")
ROOT = "spark.export.root"
"""The setting of the session that names the estate to be read."""

_SETTINGS = {
    "spark.driver.memory": "1500m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.catalog.system": CATALOG.stem,
    # A SQL warehouse has no other mode unless told.
    "spark.sql.ansi.enabled": "true",
    # Compiling such statements to Java takes ten times as long as interpreting them on some hundred rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def missing() -> str:
    """What this machine lacks to run Spark; empty when nothing."""
    lacking = [tool for tool in ("java", "javac") if not tool_path(tool)]
    return f"Spark needs a Java development kit, 17 or newer; not found: {', '.join(lacking)}" if lacking else ""


def tool_path(tool: str) -> str | None:
    """Where a tool of Java is: of JAVA_HOME when set, as Spark looks for it, else on the path."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(tool, path=f"{home}/bin" if home else None)


def compiled(folder: Path) -> Path:
    """The catalog's class, compiled into a folder."""
    command = [tool_path("javac"), "-d", str(folder), "-cp", f"{JARS}/*", str(CATALOG)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder


def started(folder: Path) -> SparkSession:
    """A session on two threads that leaves its files in a folder."""
    # Read by the scripts that start Java, before any setting is.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master("local[2]").config(map=_SETTINGS)
    builder = builder.config("spark.driver.extraClassPath", str(compiled(folder / "classes")))
    builder = builder.config("spark.local.dir", str(folder / "scratch"))
    return builder.config("spark.sql.warehouse.dir", str(folder / "warehouse")).getOrCreate()
