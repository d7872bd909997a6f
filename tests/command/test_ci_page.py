"""docs/ci.md: its jobs are what GitHub, GitLab and pre-commit read, and their commands do what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from checker.command.form import FORMS
from tests.command.test_baseline import ALWAYS, MINE
from tests.lift.test_forms import V1_DIFF
from tests.rigs.read_forms import junit, sarif_results

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
GITHUB, GITLAB, HOOKS = ".github/workflows/eoi.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"


@pytest.mark.parametrize(("name", "schema"), [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")])
def test_a_job_is_valid_by_its_public_schema(name, schema, tmp_path):
    file = tmp_path / "job.yml"
    for text, good in ((BLOCKS[name], True), (re.sub(r"(runs-on|script):", "ruins-on:", BLOCKS[name], count=1), False)):
        file.write_text(text)
        words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
        ran = subprocess.run(words, capture_output=True, text=True)
        assert (ran.returncode == 0) == good, ran.stdout


def test_the_hook_is_one_that_the_repository_has():
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    (repo,) = yaml.safe_load(BLOCKS[HOOKS])["repos"]
    (asked,) = repo["hooks"]
    hook = hooks[asked["id"]]
    assert {"id", "name", "entry", "language"} <= hook.keys() and hook["pass_filenames"] is False
    assert f"{hook['entry']} {' '.join(asked['args'])}" == "eoi gate --baseline eoi-baseline.toml"
    assert re.search(hook["files"], "designs/mine.py") and not re.search(hook["files"], "README.md")


def test_the_page_names_every_form_and_every_document():
    table = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    assert set(FORMS) <= set(table)
    schemas = {
        path.name.removesuffix(".schema.json") for path in (ROOT / "checker" / "forms" / "schemas").glob("*.json")
    }
    named = {word for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)}
    assert schemas - {"common"} <= named


def commands(name: str) -> list[str]:
    """Those of a job, without what installs eoi."""
    (job,) = (of for of in (yaml.safe_load(BLOCKS[name]).get("jobs") or yaml.safe_load(BLOCKS[name])).values())
    lines = job["script"] if "script" in job else [step["run"] for step in job["steps"] if "run" in step]
    kept = [line for line in lines if not line.startswith("pip install ")]
    assert kept and all(line.startswith("eoi ") for line in kept)
    return kept


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A repository with a design and its baseline, and eoi on the PATH."""
    folder = tmp_path_factory.mktemp("begun")
    bin_ = folder / "bin"
    bin_.mkdir()
    main = "import sys; sys.argv[0] = 'eoi'; from checker.command.entry import main; sys.exit(main())"
    (bin_ / "eoi").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{main}" "$@"\n')
    (bin_ / "eoi").chmod(0o755)
    work = folder / "work"
    (work / "designs").mkdir(parents=True)
    (work / ".git").mkdir()
    (work / "designs" / "mine.py").write_text(MINE)
    told = re.search(r"^    (eoi gate .* --write-baseline)$", PAGE, re.MULTILINE)
    assert shell(work, told[1]).returncode == 0
    return folder


@pytest.fixture
def project(begun, tmp_path):
    """One of a test's own."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return tmp_path / "work"


def shell(work: Path, command: str) -> subprocess.CompletedProcess[str]:
    """As a runner does it: GitHub's is bash -e."""
    path = os.pathsep.join([str(work.parent / "bin"), os.environ["PATH"]])
    more = {"PATH": path, "PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(work / "summary.md")}
    words = ["bash", "-e", "-o", "pipefail", "-c", command]
    return subprocess.run(words, cwd=work, env={**os.environ, **more}, capture_output=True, text=True)


@pytest.mark.parametrize(("text", "code"), [(MINE, 0), (ALWAYS, 1), ("nonsense", 2)])
def test_the_github_job_does_what_it_says(project, text, code):
    (project / "designs" / "mine.py").write_text(text)
    first, summary = commands(GITHUB)
    assert shell(project, first).returncode == code
    assert (project / "eoi.sarif").exists() == (code != 2)
    assert shell(project, summary).returncode == code
    told = (project / "summary.md").read_text()
    if code == 2:
        assert told == ""
        return
    found, reasons = sarif_results((project / "eoi.sarif").read_text(), project)
    assert bool(found) == (code == 1) and not reasons
    assert told.startswith("**our designs against eoi-baseline.toml: " + ("not " if code else "") + "as expected in")
    uris = re.findall(r'"uri": "(.*?)"', (project / "eoi.sarif").read_text())
    assert all(not uri.startswith("/") for uri in uris) and ("designs/mine.py" in uris) == (code == 1)


@pytest.mark.parametrize(("text", "code"), [(MINE, 0), (ALWAYS, 1), ("nonsense", 2)])
def test_the_gitlab_job_does_what_it_says(project, text, code):
    (project / "designs" / "mine.py").write_text(text)
    (project / "eoi.xml").write_text("<testsuites/>")  # of a run before
    (only,) = commands(GITLAB)
    assert shell(project, only).returncode == code
    assert (project / "eoi.xml").exists() == (code != 2)
    if code != 2:
        found, reasons = junit((project / "eoi.xml").read_text())
        assert ("UNEXPECTED" in found.values()) == (code == 1) and len(found) >= 8 and not reasons


def test_the_hook_does_what_it_says(project):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    command = " ".join([hook["entry"], *hook["args"]])
    assert shell(project, command).returncode == 0
    (project / "designs" / "mine.py").write_text(ALWAYS)
    ran = shell(project, command)
    assert ran.returncode == 1 and "changed  designs/mine.py: " in ran.stdout


def test_bs_lines_are_commands(project, eoi):
    """What b4 is told to run reads a mail from standard input, which a test has not: only the form is asked here."""
    lines = re.findall(r"^\t(\S+)-check-cmd = eoi prove - --format (\w+)$", PAGE, re.MULTILINE)
    assert dict(lines) == {"review-perpatch": "b4", "prep-perpatch": "checkpatch", "am-perpatch": "checkpatch"}
    cells = "--vmm qemu --guest windows_cg --scope cpus=1,pins=1,vectors=1,ioapic=0x11 --property no_eoi_lost"
    (project / "fix.patch").write_text(V1_DIFF)
    for form in sorted(set(dict(lines).values())):
        ran = shell(project, f"eoi prove - --format {form} {cells} <fix.patch")
        assert ran.returncode == 1 and ran.stderr == ""
        told = json.loads(ran.stdout)[0]["status"] if form == "b4" else ran.stdout.partition(":")[0].lower()
        assert told in ("fail", "error")
