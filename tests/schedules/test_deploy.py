"""The files in docs/deploy are in step with the miner: each is read as what it is for would read it."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.parse
from http import HTTPStatus
from pathlib import Path

import pytest
import yaml

from schedules import cli, settings
from schedules.daemon.clockwork import LONGEST_SLEEP
from schedules.daemon.life import _AFTER_CANCEL
from schedules.daemon.server import answers, serving
from schedules.daemon.works import jobs_of
from schedules.parts import Parts
from schedules.session import utc_now

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs/deploy"
STATE = Path("/var/lib/uc-miner")


def stages():
    """The image's stages: lists of (instruction, argument)."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    made = []
    for instruction, argument in lines:
        if instruction == "FROM":
            made.append([])
        made[-1].append((instruction, argument))
    return made


def said(stage, instruction):
    return [argument for name, argument in stage if name == instruction]


def variables():
    """What the image sets."""
    return dict(word.split("=", 1) for line in said(stages()[-1], "ENV") for word in shlex.split(line))


def given(path, text, env=None):
    """Settings from a file's text, as the miner takes them."""
    path.write_text(text)
    return settings.load(path, env or {})


def ready(loaded):
    """Whether the daemon would have something to do."""
    assert {one.stream for one in jobs_of(Parts(loaded, utc_now))} == {
        "lineage",
        "usage",
        "cost",
        "names",
        "emission",
        "verify",
    }
    assert loaded.purview.sink == "purview"
    return loaded


def ends_in_time(seconds, loaded):
    """Whoever stops the daemon waits for its grace time and for what is cancelled after it."""
    return seconds >= loaded.daemon.grace_seconds + _AFTER_CANCEL


@pytest.fixture
def kubernetes():
    """The objects by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text())}


@pytest.fixture
def container():
    """The container of the container app."""
    (one,) = yaml.safe_load((DEPLOY / "container-app.yml").read_text())["properties"]["template"]["containers"]
    return one


def test_the_settings(tmp_path):
    """The example settings are accepted, and everything written with them is in the state folder."""
    loaded = ready(given(tmp_path / "uc-miner.toml", (DEPLOY / "uc-miner.toml").read_text()))
    assert Path(loaded.ledger.url.removeprefix("sqlite:///")).parent == STATE


def test_the_image():
    """The image ends without root, tells where its settings are, listens where its probe asks, and keeps state in a volume."""
    last = stages()[-1]
    assert said(last, "USER") == ["10001"]
    assert [name for name, _ in last].index("USER") < [name for name, _ in last].index("ENTRYPOINT")
    assert said(last, "VOLUME") == said(last, "WORKDIR") == [str(STATE)]
    assert (json.loads(said(last, "ENTRYPOINT")[0]), json.loads(said(last, "CMD")[0])) == (["uc-miner"], ["daemon"])
    env = {name: value for name, value in variables().items() if name.startswith("UC_MINER__")}
    loaded = settings.load(None, env)
    assert Path(loaded.ledger.url.removeprefix("sqlite:///")).parent == STATE
    assert said(last, "EXPOSE") == [loaded.daemon.listen.rpartition(":")[2]]
    python = re.search(r"python:(3\.\d+)-", said(last, "FROM")[0])[1]
    assert f"Programming Language :: Python :: {python}" in (ROOT / "pyproject.toml").read_text()


def test_the_health_check_of_the_image():
    """It is content with a daemon that answers, and with nothing else."""
    (check,) = said(stages()[-1], "HEALTHCHECK")
    command = json.loads(check.partition("CMD")[2])
    assert command[0] == "python"

    def asked(address):
        code = command[2].replace("http://127.0.0.1:9464", address)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode

    paths = {"/healthz": lambda: (HTTPStatus.OK, "text/plain", b"ok")}
    with serving("127.0.0.1:0", paths) as address:
        assert asked(address) == 0
        paths["/healthz"] = lambda: (HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"")
        assert asked(address) != 0
    assert asked(address) != 0


@pytest.mark.slow
def test_what_the_image_is_built_from(tmp_path):
    """The files that the image copies make the wheel, and those that it installs from are locked with hashes."""
    copied = [word for line in said(stages()[0], "COPY") for word in line.split()[:-1]]
    for name in copied:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (run,) = said(stages()[0], "RUN")
    assert set(re.findall(r"\S*requirements\S*\.lock", run)) <= set(copied)
    awk = re.search(r"awk .*?requirements-dev.lock", run)[0]
    picked = subprocess.run(["sh", "-c", awk], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    names = dict.fromkeys(re.findall(r"^([a-z-]+)==", picked, re.MULTILINE))
    assert list(names) == ["azure-keyvault-secrets", "isodate", "psycopg", "psycopg-binary"]
    assert picked.count("--hash=sha256:") >= len(names)


def test_kubernetes_settings(kubernetes, tmp_path):
    """The settings in the config map are accepted; ledger and settings are where the volumes are."""
    (text,) = kubernetes["ConfigMap"]["data"].values()
    loaded = ready(given(tmp_path / "uc-miner.toml", text))
    pod = kubernetes["StatefulSet"]["spec"]["template"]["spec"]
    (one,) = pod["containers"]
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in one["volumeMounts"]}
    assert Path(loaded.ledger.url.removeprefix("sqlite:///")).parent == mounts["ledger"] == STATE
    assert Path(variables()["UC_MINER_CONFIG"]) == mounts["settings"] / next(iter(kubernetes["ConfigMap"]["data"]))
    assert mounts["tmp"] == Path("/tmp")  # noqa: S108 -- where the container's temporary files go
    assert ends_in_time(pod["terminationGracePeriodSeconds"], loaded)
    port = int(loaded.daemon.listen.rpartition(":")[2])
    assert one["ports"] == [{"name": "http", "containerPort": port}]
    known = answers(None, None)
    for probe in ("livenessProbe", "readinessProbe"):
        assert one[probe]["httpGet"]["port"] == "http"
        assert one[probe]["httpGet"]["path"] in known
    assert kubernetes["StatefulSet"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(port)


def test_kubernetes_rights(kubernetes):
    """One pod, as the image's user, that may write nothing but its volumes and gain no right."""
    spec = kubernetes["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    (one,) = pod["containers"]
    assert spec["replicas"] == 1
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) == said(stages()[-1], "USER")[0]
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]
    assert one["securityContext"]["readOnlyRootFilesystem"] is True
    assert one["securityContext"]["allowPrivilegeEscalation"] is False
    assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["serviceAccountName"] == kubernetes["ServiceAccount"]["metadata"]["name"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    (claim,) = spec["volumeClaimTemplates"]
    named = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"]}
    assert {mount["name"] for mount in one["volumeMounts"]} == named


def test_the_container_app(container, tmp_path, monkeypatch):
    """Its variables over those of the image are all the settings there are; its ledger is on a server."""
    monkeypatch.chdir(tmp_path)
    env = variables() | {one["name"]: one.get("value", "") for one in container["env"]}
    assert env["UC_MINER_CONFIG"] == ""
    loaded = ready(settings.load(None, env))
    assert loaded.ledger.url.startswith("postgresql+psycopg://")
    assert urllib.parse.urlsplit(loaded.ledger.url).password is None
    (probe,) = container["probes"]
    assert str(probe["httpGet"]["port"]) == loaded.daemon.listen.rpartition(":")[2]
    assert probe["httpGet"]["path"] in answers(None, None)
    template = yaml.safe_load((DEPLOY / "container-app.yml").read_text())["properties"]["template"]
    assert template["scale"] == {"minReplicas": 1, "maxReplicas": 1}
    assert ends_in_time(template["terminationGracePeriodSeconds"], loaded)


def test_the_databricks_job(monkeypatch):
    """Its package and entry point are the wheel's, its parameters a command, and a failed run fails the task."""
    (job,) = yaml.safe_load((DEPLOY / "databricks-job.yml").read_text())["resources"]["jobs"].values()
    (task,) = job["tasks"]
    assert task["job_cluster_key"] in {cluster["job_cluster_key"] for cluster in job["job_clusters"]}
    wheel = task["python_wheel_task"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert wheel["package_name"] == project["name"]
    assert project["entry-points"]["uc_miner.databricks"][wheel["entry_point"]] == "schedules.cli:task"
    driver = next(one["pypi"]["package"] for one in task["libraries"] if "pypi" in one)
    assert [driver] == project["optional-dependencies"]["postgres"]
    monkeypatch.setattr(sys, "argv", ["uc-miner-task", *wheel["parameters"]])
    with pytest.raises(SystemExit) as ended:
        cli.task()
    assert ended.value.code == 2
    monkeypatch.setattr(sys, "argv", ["uc-miner-task", "--help"])
    assert cli.task() is None


def test_the_unit():
    """Systemd gives the daemon its grace time, a watchdog that is slower than its main loop, and a folder to write in."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(DEPLOY / "uc-miner.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert ends_in_time(int(service["TimeoutStopSec"]), settings.Settings())
    assert service["WatchdogSec"] == "3min"
    assert LONGEST_SLEEP * 3 < 180
    assert STATE.name == service["StateDirectory"]
    assert Path(service["WorkingDirectory"]) == STATE
    assert shlex.split(service["ExecStart"])[1:] == ["--config", variables()["UC_MINER_CONFIG"], "daemon"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_verified(tmp_path):
    """Systemd itself finds nothing wrong with the unit, once its program is there."""
    text = (DEPLOY / "uc-miner.service").read_text().replace("/opt/uc-miner/bin/uc-miner", "/bin/true")
    unit = tmp_path / "uc-miner.service"
    unit.write_text(text)
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert [line for line in found.stderr.splitlines() if "uc-miner.service" in line] == []


def test_the_alerts():
    """Every alert asks for figures and labels that the daemon tells, and is documented with a summary."""
    figures = set(re.findall(r'"(uc_miner_\w+)"', (ROOT / "schedules/daemon/metrics.py").read_text()))
    told = figures | {f"{name}_total" for name in figures} | {f"{name}_bucket" for name in figures}
    events = set(re.findall(r"^\| (.+?) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"]
    assert len(group["rules"]) > 8
    for rule in group["rules"]:
        assert set(re.findall(r"uc_miner_\w+", rule["expr"])) <= told, rule["alert"]
        for event in re.findall(r'event="([a-z_.]+)"', rule["expr"]):
            assert any(f"`{event}`" in one for one in events), event
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
