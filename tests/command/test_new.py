"""`eoi new`: a file to begin with loads, is the base as it is, and says what else a patch may say; nothing is written over."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.matrix.loader import load_design
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs
from checker.questions.skeleton import restatable, skeleton, usual
from tests.command.conftest import Ran
from tests.lift.test_refused import V1, into
from tests.rigs.own_c import LAPIC, OBEYS, diff_of, edited

pytestmark = pytest.mark.unit
Eoi = Callable[..., Ran]
SMALL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20")
ALL = {**designs(), **VMMS, **GUESTS, **DEVICES}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wide_awake(source: str) -> str:
    """What is commented out as code, is code."""
    return re.sub(r"^( *)#   ", r"\1", source, flags=re.M)


def test_a_new_file_is_proved_and_is_its_base(eoi: Eoi) -> None:
    ran = eoi("new", "mine.py")
    assert (
        ran.code == 0 and ran.out.startswith("written: mine.py: base as it is;") and "eoi diff base mine.py" in ran.out
    )
    of_base = eoi("prove", "base", *SMALL, "--brief", "--absolute").out
    ran = eoi("prove", "mine.py", *SMALL, "--brief", "--absolute")
    rows = re.findall(r"^qemu .*", ran.out, re.M)
    assert rows and rows == re.findall(r"^qemu .*", of_base, re.M)
    ran = eoi("diff", "base", "mine.py", *SMALL, "--brief")
    assert ran.code == 0 and ran.out.startswith("mine.py against base: worse in 0 cells, better in 0, neither in 1")
    assert "mine.py and base are equivalent" in ran.out


def test_it_restates_what_is_asked_and_an_edit_is_judged(eoi: Eoi) -> None:
    assert eoi("new", "mine.py", "--function", "kvm_ioapic_send_eoi", "--function", "vcpu_enter_guest").code == 0
    text = Path("mine.py").read_text()
    assert (
        "# A step by KVM, Fair.WEAK: the decorator is that of Base's." in text
        and '@step(by="KVM", fair=Fair.WEAK)' not in text
    )
    at = "        if self.irqchip_split():\n"
    assert text.count(at) == 1
    Path("mine.py").write_text(
        text.replace(at, at + "            if apic.spiv_directed_eoi:\n                return\n")
    )
    ran = eoi("diff", "base", "mine.py", *SMALL, "--brief")
    assert "FIXED         no_storm " in ran.out
    assert ran.out.startswith("mine.py against base: worse in 0 cells, better in 1")


@pytest.mark.parametrize("base", ["base", "v6", "qemu", "windows_cg", "level", "any", "crosvm"])
def test_what_is_commented_out_loads_and_runs_too(eoi: Eoi, base: str) -> None:
    assert eoi("new", "mine.py", "--base", base).code == 0
    text = wide_awake(Path("mine.py").read_text())
    assert "def my_step" in text and "    my_choice: bool = False" in text and "    scope: MyScope" in text
    Path("awake.py").write_text(text)
    ran = eoi("show", "awake.py", "--scope", "cpus=1,pins=1,vectors=1")
    assert ran.code == 0, ran.err
    assert re.search(r"my_step +by \w+, FREE", ran.out) and "my_flag" in ran.out


@pytest.mark.parametrize("name", ALL)
def test_every_function_of_every_role_can_be_restated(name: str, tmp_path: Path) -> None:
    """Loading looks at all names and signatures, also of what calls super() itself."""
    base = ALL[name]
    assert usual(base) in restatable(base)
    functions = [f for f in restatable(base) if f != "initial"]
    path = tmp_path / "all.py"
    path.write_text(skeleton("AllOfIt", name, base, functions))
    made = load_design(str(path))
    assert set(functions) <= set(vars(made)) and made.__bases__ == (base,) and len(functions) > 3


CALLS_SUPER = [
    (name, function)
    for name, base in designs().items()
    for function, value in restatable(base).items()
    if "super" in value.__code__.co_names and base.default_roles == {}
]


def test_what_calls_super_is_called_and_not_copied(eoi: Eoi) -> None:
    """In a class below, a copied `super()` would be another one: the base's own."""
    assert len(CALLS_SUPER) > 3
    for base, function in CALLS_SUPER:
        assert eoi("new", "mine.py", "--base", base, "--function", function, "--force").code == 0
        text = Path("mine.py").read_text()
        assert f"super().{function}(" in text and text.count("super()") == 1
    ran = (
        eoi("diff", "v4", "v4.py", *SMALL, "--brief")
        if eoi("new", "v4.py", "--base", "v4", "--function", "enable_KVM_CAP_X2APIC_API").code == 0
        else None
    )
    assert ran is not None and " 0 regressed" in ran.out and "0 with other verdicts, 0 exploring differently" in ran.out


def test_nothing_is_written_over_unless_one_says_so(eoi: Eoi) -> None:
    Path("mine.py").write_text("precious")
    for words in (["--base", "v6"], ["--from", "v1.patch"]):
        Path("v1.patch").write_text(V1)
        ran = eoi("new", "mine.py", *words)
        assert ran.code == 2 and "mine.py: there is a file of this name already: --force writes over it" in ran.err
        assert Path("mine.py").read_text() == "precious"
    assert (
        eoi("new", "mine.py", "--base", "v6", "--force").code == 0 and "class Mine(V6):" in Path("mine.py").read_text()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine"], "mine: the name of a design's file ends in .py"),
        (["no/mine.py"], "there is no directory "),
        (["mine.py", "--base", "v7"], "unknown design 'v7'"),
        (["mine.py", "--base", "other.py"], "--base other.py: a registered design, VMM, guest or device is needed"),
        (["mine.py", "--function", "kvm_ioapic_sendeoi"], "unknown function 'kvm_ioapic_sendeoi' of Base, a kernel: did you mean 'kvm_ioapic_send_eoi'?"),
        (["mine.py", "--base", "qemu", "--function", "vcpu_enter_guest"], "vcpu_enter_guest() is no function of a VMM but of a kernel: --base base has it"),
        (["mine.py", "--function", "l2_service_device"], "l2_service_device() is no function of a kernel but of a guest: --base windows_cg has it"),
        (["mine.py", "--from", "none.patch"], "none.patch: there is no such file"),
        (["mine.py", "--from", "text.patch"], "text.patch:1: there is no diff in it"),
        (["mine.py", "--from", "text.patch", "--base", "v6"], "give --from a patch, or --base and --function"),
        (["mine.py", "--from", "foreign.patch"], "foreign.patch:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_mistake_is_told_and_nothing_is_written(eoi: Eoi, words: list[str], said: str) -> None:
    Path("text.patch").write_text("hello\n")
    Path("foreign.patch").write_text(
        "--- a/fs/open.c\n+++ b/fs/open.c\n@@ -1,2 +1,3 @@ int f(void)\n \tx();\n+\ty();\n \tz();\n"
    )
    ran = eoi("new", *words)
    assert (ran.code, ran.out) == (2, "") and said in ran.err, ran.err
    assert {p.name for p in Path().iterdir()} == {"text.patch", "foreign.patch"}


def test_a_patch_that_can_be_lifted_is_that_class(eoi: Eoi) -> None:
    Path("v1.patch").write_text(V1)
    ran = eoi("new", "mine.py", "--from", "v1.patch")
    assert ran.code == 0 and ran.out.startswith("written: mine.py: lifted as a whole\n")
    assert Path("mine.py").read_text() == eoi("lift", "v1.patch").out
    ran = eoi("diff", "v1", "mine.py", *SMALL, "--brief")
    assert ran.code == 0 and "are equivalent" in ran.out


def test_of_a_patch_outside_the_table_what_it_touches_is_restated_with_its_c(eoi: Eoi) -> None:
    Path("bad.patch").write_text(into("kvm_forget(apic);"))
    ran = eoi("new", "mine.py", "--from", "bad.patch")
    assert ran.code == 3 and "not lifted, so that something is left to write:\n  kvm_ioapic_send_eoi(): " in ran.out
    assert "why: bad.patch:9: the model has no function kvm_forget()" in ran.out
    text = Path("mine.py").read_text()
    assert "    # | +        kvm_forget(apic);\n" in text and 'title="NOT WRITTEN YET: bad.patch"' in text
    ran = eoi("prove", "mine.py", *SMALL, "--absolute", "--brief")
    assert "NOT WRITTEN YET: bad.patch" in ran.out and re.search(r"^qemu 0x20", ran.out, re.M)


def test_what_the_model_does_not_have_is_said_at_the_end(eoi: Eoi) -> None:
    other = "void kvm_other(struct kvm_lapic *apic)\n{\n\tx(apic);\n}\n"
    before = {LAPIC: edited(LAPIC)[LAPIC] + "\n" + other}
    after = {LAPIC: edited(LAPIC, OBEYS)[LAPIC] + "\n" + other.replace("x(apic)", "y(apic)")}
    Path("two.patch").write_text(diff_of(after, before=before))
    ran = eoi("new", "mine.py", "--from", "two.patch")
    assert ran.code == 3, ran.out + ran.err
    assert "  kvm_other(): no function of the model; if it matters, say it where it is called\n" in ran.out
    text = Path("mine.py").read_text()
    assert (
        text.index("The C that changes it:")
        < text.index("def kvm_ioapic_send_eoi")
        < text.index("The model has no kvm_other()")
    )
    assert load_design("mine.py").__name__ == "Mine"
