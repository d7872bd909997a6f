"""`eoi prove --certificate` and `eoi certify`: what is written, what is said of it, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import py_compile
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from checker.certificate import check
from checker.command import certificates, certify
from checker.command.cli import main
from checker.matrix.roles import VMMS
from checker.questions.certificates import archive
from tests.lift.test_forms import V1_DIFF
from tests.rigs.certified import CLAIMS, members_of, said_in
from tests.rigs.ctrl_c import ctrl_c
from tests.rigs.user_file import GOOD

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("certificates.md", "commands.md")
SESSION = re.compile(r"```text\n(\$ eoi prove [^\n]*--certificate .*?)```", re.S)
SMALL = "cpus=1,pins=1,vectors=1"
ONE = ["--vmm", "qemu", "--guest", "linux", "--device", "level", "--scope", f"{SMALL},ioapic=0x20"]
TWO = ["--vmm", "qemu", "--guest", "linux", "--device", "level", "--scope", SMALL]
ASKED = ["--property", "no_eoi_lost", "--property", "no_storm", "--property", "eoi_exit"]


@pytest.fixture
def made(eoi, tmp_path):
    """One certificate."""
    path = tmp_path / "base.cert"
    assert eoi("prove", "base", *ONE, *ASKED, "--brief", "--certificate", str(path)).code == 0
    return path


def test_one_that_is_made_is_accepted(eoi, made):
    ran = eoi("certify", str(made))
    assert ran.code == 0
    first, system, scope, *claims = ran.out.splitlines()
    assert (
        first.startswith(f"ACCEPTED: {made}: 18 states, ")
        and "Base (model.designs.base), Qemu (model.vmms.qemu)" in system
        and "cpus=1" in scope
    )
    assert [line.split()[:2] for line in claims] == [
        ["HOLDS", "no_eoi_lost"],
        ["HOLDS", "no_storm"],
        ["REACHED", "eoi_exit"],
    ]


def test_one_that_is_made_is_accepted_by_cases(eoi, made, tmp_path):
    plain, by_cases = eoi("certify", str(made)), eoi("certify", str(made), "--by-case")
    assert by_cases.code == 0 and by_cases.out.split() == plain.out.replace("ED: ", "ED, by cases: ", 1).split()
    sample = eoi("certify", str(made), "--by-case", "--sample", "5", "--seed", "7")
    said = f"SAMPLED, NOT ACCEPTED, by cases: {made}: 5 of 18 states (seed 7)"
    assert sample.code == 3 and said in " ".join(sample.out.split())
    broken = bytearray(made.read_bytes())
    broken[60] ^= 1
    made.write_bytes(broken)
    assert eoi("certify", str(made), "--by-case").code == 1


def test_a_folder_for_several_cells(eoi, tmp_path):
    folder = tmp_path / "not" / "there"
    ran = eoi("prove", "base", *TWO, *ASKED, "--brief", "--certificate", str(folder))
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["base-qemu-0x11-linux-level.cert", "base-qemu-0x20-linux-level.cert"]
    assert ran.code == 0 and f"2 certificates in {folder} (" in ran.out
    ran = eoi("certify", str(folder))
    assert ran.code == 0 and len(re.findall(r"^ACCEPTED: ", ran.out, re.M)) == 2
    (folder / names[0]).write_bytes((folder / names[0]).read_bytes()[:-40] + b"x" * 40)
    (folder / names[1]).write_bytes(b"x")
    ran = eoi("certify", str(folder))
    assert ran.code == 1 and len(re.findall(r"^REJECTED: ", ran.out, re.M)) == 2


def test_an_existing_folder_takes_one_as_well(eoi, tmp_path):
    eoi("prove", "base", *ONE, *ASKED, "--brief", "--certificate", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["base-qemu-0x20-linux-level.cert"]


def test_a_violation_is_certified_and_stays_one(eoi, tmp_path):
    path, windows = tmp_path / "x.cert", ["--vmm", "qemu", "--guest", "windows_cg", "--scope", f"{SMALL},ioapic=0x20"]
    ran = eoi("prove", "base", *windows, "--property", "no_storm", "--brief", "--certificate", str(path))
    assert ran.code == 1
    ran = eoi("certify", str(path))
    assert ran.code == 0 and re.search(r"VIOLATED no_storm .*13 steps", ran.out)


def test_what_is_wrong_is_rejected(eoi, made):
    members = members_of(made.read_bytes())
    said = said_in(members)
    said["claims"][0]["verdict"] = "VIOLATED"
    members[CLAIMS] = check.json.dumps(said).encode()
    made.write_bytes(certificates.certificate_of.__globals__["archive"](members))
    ran = eoi("certify", str(made))
    assert ran.code == 1 and ran.out.startswith(f"REJECTED: {made}: ")


def test_a_sample_is_not_accepted(eoi, made):
    ran = eoi("certify", str(made), "--sample", "5", "--seed", "7")
    assert ran.code == 3 and ran.out.startswith(f"SAMPLED, NOT ACCEPTED: {made}: 5 of 18 states (seed 7)")
    assert "HOLDS" not in ran.out and "Linux (model.guests.linux)" in ran.out
    assert eoi("certify", str(made), "--sample", "5", "--seed", "7").out == ran.out
    assert "(seed " in eoi("certify", str(made), "--sample", "5").out
    assert eoi("certify", str(made), "--sample", "18").code == 0


def test_ctrl_c_leaves_no_answer_and_no_process(eoi, made, hears_ctrl_c, monkeypatch):
    begun = []

    class Slow(subprocess.Popen):
        def __init__(self, command, **options):
            super().__init__([sys.executable, "-c", "import time; time.sleep(60)"], **options)
            begun.append(self)

    monkeypatch.setattr(certify.subprocess, "Popen", Slow)
    monkeypatch.setattr(certify.Progress, "show", lambda progress: ctrl_c())
    ran = eoi("certify", str(made))
    assert (ran.code, ran.out) == (3, "") and "INCONCLUSIVE" in ran.err
    assert len(begun) == 1 and begun[0].returncode not in (None, 0)


@pytest.mark.parametrize(
    "script", ["sys.exit(9)", "raise RuntimeError", "", "print('ACCEPTED: x'); sys.exit(1)", "print('REJECTED: x')"]
)
def test_a_checker_that_breaks_is_our_bug(script, eoi, made, monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(f"import sys\n{script}\n")
    monkeypatch.setattr(certify.check, "__file__", str(broken))
    ran = eoi("certify", str(made))
    assert (ran.code, ran.out) == (4, "") and "the checker of certificates ended with" in ran.err


def test_bad_input_is_said_in_a_line(eoi, made, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "x.txt").write_text("no")
    for arguments, said in (
        (["certify", str(tmp_path / "none.cert")], "there is no such file"),
        (["certify", str(tmp_path / "x.txt")], "is no certificate"),
        (["certify", str(empty)], "no *.cert file in this folder"),
        (["certify", str(made), "--seed", "1"], "--sample N"),
        (["certify", str(made), "--sample", "0"], "a whole number from 1 on"),
        (["prove", "base", *TWO, "--certificate", str(tmp_path / "x.cert")], "these are 2: name a folder"),
        (["prove", "base", *ONE, "--certificate", str(tmp_path / "no" / "x.cert")], "there is no directory"),
        (["prove", "base", *ONE, "--certificate", str(made), "--json"], "--certificate is told as text"),
    ):
        ran = eoi(*arguments)
        assert (ran.code, ran.out) == (2, "") or arguments[-1] == "--json"
        assert ran.code == 2 and said in ran.err + ran.out


def test_what_could_not_be_checked_elsewhere_is_refused_at_once(eoi, tmp_path):
    (tmp_path / "v1.patch").write_text(V1_DIFF)
    for name in ("my.design.py", "random.py", "model.py"):
        (tmp_path / name).write_text(GOOD)
    target = ["--certificate", str(tmp_path / "x.cert")]
    for name, said in (
        ("v1.patch", "eoi lift "),
        ("my.design.py", "'my.design'"),
        ("random.py", "'random'"),
        ("model.py", "'model'"),
    ):
        ran = eoi("prove", str(tmp_path / name), *ONE, *ASKED, *target)
        assert (ran.code, ran.out) == (2, "") and said in ran.err and not (tmp_path / "x.cert").exists()


def test_a_limit_leaves_no_certificate(eoi, tmp_path):
    path = tmp_path / "x.cert"
    ran = eoi("prove", "base", *ONE, *ASKED, "--brief", "--max-states", "5", "--certificate", str(path))
    assert ran.code == 3 and "no certificate of " in ran.out and not path.exists()


DERIVED = """\
from beside import Middle
from model.machine import Lapic, Vector


class Mine(Middle):
    \"\"\"The same once more.\"\"\"

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        super().kvm_ioapic_send_eoi(apic, vector)
"""
OWN = """\
from model.lang import always
from model.machine import Machine, Pin, Trigger


@always()
def mine(s: Machine, pin: Pin) -> bool:
    \"\"\"Remote IRR is of level entries.\"\"\"
    return not s.ioapic[pin].remote_irr or s.ioapic[pin].trigger == Trigger.LEVEL
"""


def test_files_of_the_user_are_certified_with_what_lies_beside_them(eoi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = {"changed.py": DERIVED, "beside.py": GOOD.replace("Mine", "Middle"), "asked.py": OWN}
    for name, text in texts.items():
        Path(name).write_text(text)
    windows = ["--vmm", "qemu", "--guest", "windows_cg", "--scope", f"{SMALL},ioapic=0x20"]
    ran = eoi("prove", "changed.py", *windows, "--property", "asked.py", "--brief", "--certificate", "x.cert")
    assert "1 certificate in x.cert" in ran.out  # some line of the file is not run here, and that is said
    ran = eoi("certify", "x.cert")
    assert ran.code == 0 and "Mine (changed.py), Qemu (" in ran.out and "mine (asked.py)" in ran.out
    for name, text in texts.items():
        Path(name).write_text(f"{text}\n# edited\n")
        ran = eoi("certify", "x.cert")
        assert ran.code == 1 and f"it is of another model: of {name[:-3]}" in ran.out
        Path(name).write_text(text)
        assert eoi("certify", "x.cert").code == 0


@pytest.fixture
def of_two_files(eoi, tmp_path, monkeypatch):
    """A certificate x.cert of changed.py, which imports beside.py: a link into a folder."""
    monkeypatch.chdir(tmp_path)
    Path("inner").mkdir()
    Path("inner/middle.py").write_text(GOOD.replace("Mine", "Middle"))
    Path("beside.py").symlink_to("inner/middle.py")
    Path("changed.py").write_text(DERIVED)
    one = ["--vmm", "qemu", "--guest", "windows_cg", "--scope", f"{SMALL},ioapic=0x20", "--property", "no_eoi_lost"]
    ran = eoi("prove", "changed.py", *one, "--brief", "--certificate", "x.cert")
    assert "1 certificate in x.cert" in ran.out and eoi("certify", "x.cert").code == 0
    return Path("x.cert")


@pytest.mark.parametrize("by_case", [[], ["--by-case"]])
def test_what_a_file_imports_is_looked_at_wherever_it_lies(eoi, of_two_files, by_case):
    """Where a link leads to, and in a folder that Python takes for the file of that name."""
    text = Path("inner/middle.py").read_text()
    Path("inner/middle.py").write_text(f"{text}# edited\n")
    ran = eoi("certify", "x.cert", *by_case)
    assert ran.code == 1 and ran.out == "REJECTED: x.cert: it is of another model: of beside\n"
    Path("inner/middle.py").write_text(text)
    Path("beside").mkdir()
    Path("beside/__init__.py").write_text(f"{text}# another\n")
    ran = eoi("certify", "x.cert", *by_case)
    assert ran.code == 1 and ran.out == "REJECTED: x.cert: it is of another model: of beside\n"


def test_a_package_beside_a_file_counts_too(eoi, of_two_files):
    """eoi prove refuses to import from one. Who writes such a certificate by hand has to state the digests."""
    text = DERIVED.replace("from beside", "from inner.middle")
    Path("changed.py").write_text(text)
    ran = eoi("prove", "changed.py", *ONE, "--certificate", "y.cert")
    assert ran.code == 2 and "inner.middle" in ran.err
    members = members_of(of_two_files.read_bytes())

    def certified(*names):
        said = said_in(members)
        for name in ("changed", *names):
            said["sources"][name] = sha256(Path(f"{name.replace('.', '/')}.py").read_bytes()).hexdigest()[:32]
        of_two_files.write_bytes(archive({**members, CLAIMS: json.dumps(said).encode()}))
        return eoi("certify", "x.cert")

    assert certified("inner.middle").code == 0
    ran = certified()
    assert ran.code == 1 and ran.out == "REJECTED: x.cert: it is of another model: of inner.middle\n"


def test_bytecode_of_another_source_is_not_taken(made, tmp_path):
    """Of the same length, and as old: CPython would run it."""
    for name in ("model", "properties", "checker/certificate"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "properties" / "eoi.py"
    right, as_it_was = source.read_text(), source.stat()
    source.write_text(right.replace("not rte.remote_irr\n", "    rte.remote_irr\n", 1))
    os.utime(source, ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))
    py_compile.compile(str(source))
    source.write_text(right)
    os.utime(source, ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))
    script = [str(tmp_path / "checker" / "certificate" / "check.py"), str(made)]
    imports = "import sys; sys.path.insert(0, sys.argv[1]); import properties.eoi as p; print(p.no_eoi_lost.function.__code__.co_code.hex())"

    def run(*options):
        return subprocess.run([sys.executable, "-I", *options], capture_output=True, text=True, check=False).stdout

    assert run("-c", imports, str(tmp_path)) != run("-c", imports, str(ROOT))
    assert run(*script).startswith("ACCEPTED: ")


def test_an_edit_of_the_model_is_noticed(made, tmp_path):
    """In a copy of all that the checker needs, by itself."""
    for name in ("model", "properties", "checker/certificate"):
        shutil.copytree(ROOT / name, tmp_path / name)
    script = tmp_path / "checker" / "certificate" / "check.py"

    def checked():
        return subprocess.run(
            [sys.executable, "-I", str(script), str(made)], capture_output=True, text=True, check=False
        )

    assert checked().returncode == 0
    with (tmp_path / "model" / "devices.py").open("a") as file:
        file.write("\n# edited\n")
    assert checked().returncode == 1 and "model.devices" in checked().stdout
    (tmp_path / "model" / "designs" / "v5.py").write_text("not read")
    shutil.copy(ROOT / "model" / "devices.py", tmp_path / "model" / "devices.py")
    assert checked().returncode == 0  # only what it imports counts


def test_names_of_files_are_distinct_and_plain():
    assert len(VMMS) > 5
    taken: set[str] = set()

    class Cell:
        names = {"kernel": "/tmp/my patch.py"}
        subject = "kernel"

        def __str__(self) -> str:
            return "qemu 0x20 BIT2, windows_cg, level"

    names = [certificates.file_name(Cell(), taken) for _ in range(3)]  # type: ignore[arg-type]
    stem = "my-patch-qemu-0x20-BIT2-windows_cg-level"
    assert names == [f"{stem}.cert", f"{stem}-2.cert", f"{stem}-3.cert"]


@pytest.mark.parametrize("page", PAGES)
def test_the_session_of_the_page_is_what_is_printed(page, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    shown, printed = "".join(SESSION.findall((ROOT / "docs" / page).read_text())), ""
    for command, last in re.findall(r"^\$ eoi (.*?)(?: \| tail -(\d+))?$", shown, re.M):
        main(shlex.split(command))
        lines = capsys.readouterr().out.splitlines(keepends=True)
        printed += f"$ eoi {command}{f' | tail -{last}' if last else ''}\n" + "".join(lines[-int(last or 0) :])
    assert len(printed) > 500 and without_sizes(printed) == without_sizes(shown)


def without_sizes(text: str) -> str:
    """The digests of the model's files are in it, and take more or less room."""
    return re.sub(r"\([\d,]+ bytes\)", "", text)


def test_a_certificate_is_a_zip_file(made):
    with zipfile.ZipFile(io.BytesIO(made.read_bytes())) as file:
        assert {"claims.json", "states"} < set(file.namelist()) and file.testzip() is None
