import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.run_names import stable_name

GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"

STABLE = [
    # Data Factory and Synapse: <prefix>_<factory>_<pipeline>_<activity>_<guid>
    (f"ADF_adf-contoso-prod_load orders_Notebook1_{GUID}", "ADF_adf-contoso-prod_load orders_Notebook1"),
    (f"ADF_factory_pipe_act_{GUID.upper()}", "ADF_factory_pipe_act"),
    (f"ADF_factory_pipe_act_{GUID.replace('-', '')}", "ADF_factory_pipe_act"),
    # Airflow: the task's name, or its run ids
    ("dag__task", "dag__task"),
    ("manual__2026-11-10T09:30:00+00:00", "manual"),
    ("scheduled__2026-11-10T09:30:00.123456+00:00", "scheduled"),
    ("nightly_2026-11-10T09:30:00Z", "nightly"),
    # dates
    ("nightly load 2026-11-10", "nightly load"),
    ("nightly-20261110", "nightly"),
    ("nightly20261110", "nightly"),
    ("nightly_20261110_093000", "nightly"),
    ("nightly_2026-11-10 09:30", "nightly"),
    ("nightly (2026-11-10)", "nightly"),
    # counters
    ("load_7", "load"),
    ("load #12", "load"),
    ("load.003", "load"),
    ("load 7 2026-11-10", "load"),
    (f"load_7_{GUID}", "load"),
    # what stays
    ("load_v2", "load_v2"),
    ("load2", "load2"),
    ("2026-11-10 load", "2026-11-10 load"),
    (f"{GUID}_load", f"{GUID}_load"),
    ("load_99999999_x", "load_99999999_x"),
    ("überführung_1", "überführung"),
    ("  load  ", "load"),
    # nothing telling
    ("", ""),
    (None, ""),
    ("   ", ""),
    (GUID, ""),
    ("2026-11-10", ""),
    ("20261110", ""),
    ("12345", ""),
    ("#1", ""),
    ("_-_", ""),
]


@pytest.mark.parametrize(("run_name", "stable"), STABLE)
def test_stable_name(run_name, stable):
    """A run's name is what stays the same from run to run: no GUID, date or counter at its end."""
    assert stable_name(run_name) == stable


_BASES = st.text(string.ascii_letters + "_- ", min_size=1, max_size=20).map(lambda text: f"{text}x")
_SEPARATORS = st.sampled_from("_-. #:")
_TAILS = st.one_of(
    st.uuids().map(str),
    st.dates(min_value=date(1901, 1, 1), max_value=date(2099, 12, 31)).map(str),
    st.integers(min_value=0, max_value=10**12).map(str),
)


@given(_BASES, st.lists(st.tuples(_SEPARATORS, _TAILS), max_size=3))
def test_runs_of_one_job_share_a_name(base, tails):
    """Whatever runs append, all runs of a job have the name of the job."""
    name = base + "".join(separator + tail for separator, tail in tails)
    assert stable_name(name) == stable_name(base) == base.strip()


@given(st.text())
def test_any_text(run_name):
    """A stable name stays as it is, is the beginning of the name it came from, and says something or is empty."""
    stable = stable_name(run_name)
    assert stable_name(stable) == stable
    assert run_name.strip().startswith(stable)
    assert stable == "" or any(char.isalnum() and not char.isdecimal() for char in stable)


def test_long_names_are_quick():
    """A name made of separators and digits costs no time worth a name."""
    assert stable_name("_" * 2_000 + "x") == "_" * 2_000 + "x"
    assert stable_name("a" + "_1" * 1_000) == "a"
