"""`python -m tests.bench [NAME …]`: run the benchmark, or the named parts of it."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from queries.sample.bench import write_bench
from tests.bench.loads import daily_usage
from tests.bench.loads import statements as write_statements
from tests.bench.measure import Measured, child, cores

LAST = date(2026, 11, 20)
DAYS = 30
THREADS = cores()


def say(what: str, measured: Measured, more: str = "") -> None:
    """One line of figures."""
    print(
        f"  {what:<46} {measured.seconds:8.2f} s  {measured.processor:8.2f} cpu-s  {measured.peak:7.0f} MiB  {more}",
        flush=True,
    )


def verdict(what: str, value: float, limit: float, unit: str = "x") -> None:
    """One line that holds a figure against its goal."""
    mark = "ok " if value <= limit else "OVER"
    print(f"  {mark} {what}: {value:.2f} {unit} (goal: at most {limit:g} {unit})\n", flush=True)


def mining(folder: Path) -> None:
    """Thirty days, 3 million lineage rows, 9 million column rows, 200,000 edges, against two raw GROUP BYs."""
    estate = folder / "estate"
    write_bench(estate, edges=200_000, days=DAYS, rows_per_day=100_000, columns_per_row=3, seed=1, last_day=LAST)
    first = str(LAST - timedelta(days=DAYS - 1))
    raw = child("raw", estate=str(estate), threads=THREADS)
    say(
        "raw GROUP BYs to Arrow", raw, f"{raw.told['table_lineage_rows'] + raw.told['column_lineage_rows']:,.0f} groups"
    )
    arguments = {"estate": str(estate), "ledger": str(folder / "ledger.db"), "threads": THREADS, "first": first}
    lineage = child("mine", **arguments, streams=["lineage"])
    say("mine lineage, ledger written", lineage, f"ledger {lineage.told['ledger_mib']:.0f} MiB")
    raw_again = child("raw", estate=str(estate), threads=THREADS)
    say("raw GROUP BYs to Arrow, again", raw_again)
    bound = (raw.seconds + raw_again.seconds) / 2
    verdict("mining lineage over the raw GROUP BYs", lineage.seconds / bound, 3)
    raw_usage = child("raw_usage", estate=str(estate), threads=THREADS)
    say("raw GROUP BYs of reads and writes to Arrow", raw_usage, f"{raw_usage.told['groups']:,.0f} groups")
    usage = child("mine", **arguments, streams=["usage"])
    ratio = f"{usage.seconds / raw_usage.seconds:.2f} x the raw ones (no goal set)"
    say("mine usage, ledger written", usage, ratio)


def memory(folder: Path) -> None:
    """Ten times the events with the same edges."""
    peaks = []
    for times in (1, 10):
        estate = folder / f"estate-{times}"
        write_bench(
            estate, edges=50_000, days=3, rows_per_day=100_000 * times, columns_per_row=3, seed=1, last_day=LAST
        )
        arguments = {"estate": str(estate), "threads": THREADS, "first": str(LAST - timedelta(days=2))}
        mined = child("mine", **arguments, ledger=str(folder / f"ledger-{times}.db"), streams=["lineage", "usage"])
        say(f"mine 3 days of {100_000 * times:,} events", mined)
        peaks.append(mined.peak)
    verdict("peak memory, ten times the events", peaks[1] / peaks[0], 1.2)


def history(folder: Path) -> None:
    """One more day on a ledger of 30 days and on one of 300."""
    estate = folder / "estate"
    write_bench(estate, edges=100_000, days=31, rows_per_day=60_000, columns_per_row=3, seed=1, last_day=LAST)
    last = max((estate / "system/access/table_lineage").iterdir())
    columns = estate / "system/access/column_lineage" / last.name
    hidden = [(file, file.with_suffix(".later")) for file in (last, columns)]
    for file, later in hidden:
        file.rename(later)
    small, large = folder / "ledger-30.db", folder / "ledger-300.db"
    arguments = {"estate": str(estate), "threads": THREADS, "first": str(LAST - timedelta(days=30))}
    child("mine", **arguments, ledger=str(small), streams=["lineage", "usage"])
    shutil.copy(small, large)
    _age(large, 9)
    for file, later in hidden:
        later.rename(file)
    timed = {}
    for ledger in (small, large):
        timed[ledger] = child("mine", **arguments, ledger=str(ledger), streams=["lineage", "usage"])
        say(f"one more day on {ledger.stem}", timed[ledger], f"ledger {timed[ledger].told['ledger_mib']:.0f} MiB")
    verdict("one more day, 300 days against 30", timed[large].seconds / timed[small].seconds, 1.2)


def _age(ledger: Path, times: int) -> None:
    """Copy a ledger's month some times into the past."""
    with sqlite3.connect(ledger) as connection:
        for back in range(1, times + 1):
            recent = "month > 24300 AND month >= (SELECT max(month) - 1 FROM edge_month)"
            _copied_back(connection, "edge_month", "month", 2 * back, recent)
            _copied_back(connection, "usage_day", "day", 30 * back, "day > (SELECT max(day) - 30 FROM usage_day)")


def _copied_back(connection: sqlite3.Connection, table: str, when: str, back: int, recent: str) -> None:
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    told = ", ".join(f"{name} - {back}" if name == when else name for name in names)
    connection.execute(f"INSERT OR IGNORE INTO {table} SELECT {told} FROM {table} WHERE {recent}")  # noqa: S608


def lock(folder: Path, active: int = 500_000) -> None:
    """How long the ledger is locked for a day of half a million active edges, new and known, on both databases."""
    estate = folder / "estate"
    # A day sees a third of the edges, and the busiest fiftieth.
    edges, rows = int(active * 2.87), int(active * 1.2)
    write_bench(estate, edges=edges, days=1, rows_per_day=rows, columns_per_row=1, seed=1, last_day=LAST)
    with _ledgers(folder) as urls:
        for database, url in urls.items():
            for rules in ("first", "again"):
                arguments = {"estate": str(estate), "url": url, "threads": THREADS, "day": str(LAST), "rules": rules}
                measured = child("lock", **arguments)
                held = f"{measured.told['edges']:,.0f} edges; locked {measured.told['held']:.2f} s"
                say(f"{database}: mine a day, {rules}", measured, held)


@contextmanager
def _ledgers(folder: Path) -> Iterator[dict[str, str]]:
    """A new ledger on each database that is to be had."""
    urls = {"SQLite": f"sqlite:///{folder / 'ledger.db'}"}
    from tests.postgres.server import UnavailableError, running

    try:
        # As a server is set up for real: what is committed is on disk.
        with running({"shared_buffers": "1GB", "max_wal_size": "4GB"}) as server:
            yield urls | {"PostgreSQL": server.url(server.create())}
    except UnavailableError as error:
        print(f"  PostgreSQL is left out: {error}")
        yield urls


def popularity(folder: Path) -> None:
    """Windows of up to 90 days, and those before them, over daily usage rows: 5 million, then 20 on both databases."""
    _windows("SQLite", f"sqlite:///{folder / 'embedded.db'}", 27_778, seconds=10, gigabytes=1.5)
    with _ledgers(folder) as urls:
        for database, url in urls.items():
            _windows(database, url, 111_111, seconds=60, gigabytes=2)


def _windows(database: str, url: str, rows_a_day: int, *, seconds: float, gigabytes: float) -> None:
    rows = daily_usage(url, days=180, rows_a_day=rows_a_day, last=LAST)
    measured = child("windows", url=url, as_of=str(LAST))
    told = f"{measured.told['rows']:,.0f} figures"
    say(f"{database}: windows over {rows:,} daily usage rows", measured, told)
    verdict(f"{database}: windows", measured.seconds, seconds, "s")
    verdict(f"{database}: windows, peak memory", measured.peak * 2**20 / 1e9, gigabytes, "GB")


def statements(folder: Path) -> None:
    """200,000 statements, one in ten with lineage, over the wire to a finished popularity report, against a bare fetch."""
    estate = folder / "estate"
    rows = write_statements(estate, count=200_000, days=DAYS, last=LAST)
    print(f"  {', '.join(f'{count:,} rows of {name}' for name, count in rows.items() if count)}")
    first, asked = str(LAST - timedelta(days=DAYS - 1)), str(folder / "asked.jsonl")
    with _served(estate) as server:
        times: dict[str, list[float]] = {"report": [], "fetch": []}
        for turn in range(3):
            made = child(
                "report_wire", server=server, ledger=str(folder / f"{turn}.db"), first=first, asked=asked,
                out=str(folder / "popularity.csv"),
            )  # fmt: skip
            say("mine usage over the wire, write popularity", made, f"{made.told['rows']:,.0f} rows reported")
            fetched = child("rows_wire", server=server, asked=asked)
            say("bare fetch of the same grouped rows", fetched, f"{fetched.told['rows']:,.0f} rows")
            times["report"].append(made.seconds)
            times["fetch"].append(fetched.seconds)
    verdict("report over bare fetch, best of three", min(times["report"]) / min(times["fetch"]), 3)


def emission(folder: Path) -> None:
    """A hundred thousand process entities with columns, then an unchanged run."""
    estate = folder / "estate"
    write_bench(estate, edges=400_000, days=4, rows_per_day=300_000, columns_per_row=3, seed=1, last_day=LAST)
    ledger = folder / "ledger.db"
    child(
        "mine", estate=str(estate), ledger=str(ledger), threads=THREADS, first=str(LAST - timedelta(days=3)),
        streams=["lineage", "usage"],
    )  # fmt: skip
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE source SET knows_run_types = 1")
    least, best = [], []
    for _ in range(3):
        bare, built = child("bare_bodies", ledger=str(ledger)), child("build", ledger=str(ledger))
        told = built.told
        least.append(bare.seconds - bare.told["read"])
        best.append(built.seconds - told["read"])
        say("raw: read flows, then the bare JSON of each", bare, f"{bare.told['bodies']:,.0f} in {least[-1]:.2f} s")
        say("read flows, then build entities", built, f"{told['built']:,.0f} in {best[-1]:.2f} s")
    print(f"  {told['processes']:,.0f} processes with columns, and {told['built'] - told['processes']:,.0f} entities "
          f"they hang below, of {told['edges']:,.0f} edges: {min(best) / min(least):.1f} x the bare JSON")  # fmt: skip
    verdict("seconds to build 100,000 entities, best of three", min(best) * 100_000 / told["built"], 5, "s")
    first = child("emit", ledger=str(ledger), out=str(folder / "purview"))
    say("build, compare, write, note in the ledger", first, f"{first.told['sent']:,.0f} entities sent")
    second = child("emit", ledger=str(ledger), out=str(folder / "purview"))
    say("the same again, unchanged", second, f"{second.told['built']:,.0f} built, {second.told['sent']:,.0f} sent")
    verdict("entities built or sent by an unchanged run", second.told["built"] + second.told["sent"], 0, "entities")


def wire(folder: Path) -> None:
    """200,000 edges with their column sets through the connector into the ledger, against a bare fetch and insert."""
    estate = folder / "estate"
    write_bench(estate, edges=200_000, days=2, rows_per_day=600_000, columns_per_row=3, seed=1, last_day=LAST)
    first, asked = str(LAST - timedelta(days=1)), str(folder / "asked.jsonl")
    with _served(estate) as server:
        times: dict[str, list[float]] = {"mine": [], "fetch": []}
        peaks = {}
        for turn in range(3):
            mined = child("mine_wire", server=server, ledger=str(folder / f"{turn}.db"), first=first, asked=asked)
            say("mine lineage over the wire, ledger written", mined)
            fetched = child("fetch_wire", server=server, ledger=str(folder / f"raw-{turn}.db"), asked=asked)
            say("bare fetch of the same rows, and insert", fetched, f"{fetched.told['rows']:,.0f} rows")
            times["mine"].append(mined.seconds)
            times["fetch"].append(fetched.seconds)
            peaks = {"mine": mined.peak, "fetch": fetched.peak}
        verdict("mining over fetch and insert, best of three", min(times["mine"]) / min(times["fetch"]), 2)
        verdict("peak memory over the bare connector's", peaks["mine"] / peaks["fetch"], 1.3)
        for rows in (300_000, 1_000_000):  # fewer than that do not fill what is under way at once
            streamed = child("stream_wire", server=server, scratch=str(folder / "scratch"), rows=rows)
            say(f"stream {rows:,} rows", streamed, f"{streamed.told['rows'] / streamed.seconds:,.0f} rows/s")
            peaks[str(rows)] = streamed.peak
    verdict("peak memory, a million rows over 300,000", peaks["1000000"] / peaks["300000"], 1.1)


@contextmanager
def _served(estate: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.bench.warehouse", str(estate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield json.loads(server.stdout.readline())
        server.stdin.close()


def sending(_folder: Path) -> None:
    """A hundred thousand process entities to a server that only answers, six requests at once, against a bare session."""
    with _answering() as endpoint:
        arguments = {"endpoint": endpoint, "workers": 6}
        times: dict[str, list[float]] = {"post": [], "send": []}
        peaks = {}
        for task, entities in (("post", 100_000), ("send", 100_000)) * 3:
            measured = child(task, **arguments, entities=entities)
            say(f"{task} {entities:,} entities", measured, f"{entities / measured.seconds:,.0f}/s")
            times[task].append(measured.seconds)
            peaks[entities] = measured.peak
        few = child("send", **arguments, entities=10_000)
        say("send 10,000 entities", few)
    verdict("sending over a bare session, best of three", min(times["send"]) / min(times["post"]), 1.3)
    verdict("peak memory, ten times the entities", peaks[100_000] / few.peak, 1.1)


@contextmanager
def _answering() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.answering"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/api/atlas/v2"
        server.stdin.close()


PARTS: dict[str, Callable[[Path], None]] = {
    "mining": mining, "lock": lock, "memory": memory, "history": history, "popularity": popularity, "emission": emission,
    "wire": wire, "sending": sending, "statements": statements,
}  # fmt: skip


def main(names: list[str]) -> None:
    """Run the named parts, or all."""
    print(f"{THREADS} threads; figures of one run on this machine, ratios are what counts\n")
    for name in names or PARTS:
        print(f"{name}: {PARTS[name].__doc__}")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
