"""Under every verdict: how far the model was measured against real systems, and whether it is still that model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.questions import measured

pytestmark = pytest.mark.unit

MODULE = '''"""What it is."""

class Lapic:  # the local APIC
    """A record."""

    irr = 0

    def eoi(self) -> str:
        """Ends one."""
        return "done"
'''


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "REPORTS", tmp_path)
    return tmp_path


def report(folder: Path, name: str, oracle: str, digest: str, agreed: int = 1_000_000) -> None:
    raw = {
        "oracle": oracle, "design": "v6", "date": "2026-11-21 10:46 UTC", "mutants": "9 of 10", "model": digest,
        "totals": {"agreed": agreed, "replayed": 1_000_000}, "sections": [{"unexplained": 0}, {"unexplained": 1}],
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(raw))


def digest_with(folder: Path, source: str) -> str:
    (folder / "kvm").mkdir(exist_ok=True)
    (folder / "kvm" / "lapic.py").write_text(source)
    return measured.digest_of(folder)


def test_the_tokens_of_a_model_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again after an edit, under another name, and by another measured.py."""
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    read = list[bytes]()
    statements = measured._statements
    monkeypatch.setattr(measured, "_statements", lambda source: read.append(source) or statements(source))
    model = tmp_path / "model"
    model.mkdir()
    first = digest_with(model, MODULE)
    assert digest_with(model, MODULE) == first and len(read) == 1
    assert digest_with(model, MODULE.replace("irr = 0", "irr = 1")) != first and len(read) == 2
    digest_with(model, MODULE.replace("A record.", "One."))
    assert len(read) == 3
    (model / "kvm" / "lapic.py").rename(model / "kvm" / "ioapic.py")
    assert measured.digest_of(model) != first and len(read) == 4
    other = tmp_path / "measured.py"
    other.write_text("# another way to hash")
    monkeypatch.setattr(measured, "__file__", str(other))
    assert digest_with(tmp_path / "model", MODULE) != first and len(read) > 4


def test_the_digest_is_of_statements(tmp_path: Path) -> None:
    before = digest_with(tmp_path, MODULE)
    for same in (
        MODULE.replace("Ends one.", "Ends it."),
        MODULE.replace("  # the local APIC", ""),
        MODULE.replace("What it is", "It"),
    ):
        assert same != MODULE and digest_with(tmp_path, same) == before
    for other in (
        MODULE.replace("irr = 0", "irr = 1"),
        MODULE.replace('"done"', '"ended"'),
        MODULE.replace("def eoi", "def end"),
    ):
        assert digest_with(tmp_path, other) != before
    digest_with(tmp_path, MODULE)
    (tmp_path / "kvm" / "more.py").write_text("")
    assert measured.digest_of(tmp_path) != before


def test_what_was_measured_is_said_with_the_verdicts(eoi, reports: Path) -> None:
    report(reports, "kvm", "Linux 6.18.44-fc, kvm_pvm, x86_64 (AMD EPYC)", measured.model_digest())
    report(reports, "qemu", "QEMU 7.2.22 (Debian), TCG, q35, on x86_64", measured.model_digest(), agreed=999_999)
    ran = eoi("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "linux", "--property", "no_storm", "--brief")
    assert (
        "measured: 1,000,000 of 1,000,000 steps agree with Linux 6.18.44-fc, kvm_pvm (2026-11-21), "
        "999,999 of 1,000,000 steps agree with QEMU 7.2.22 (2026-11-21): reports/conformance/\n"
    ) in ran.out
    found = json.loads(
        eoi("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "linux", "--property", "no_storm", "--json").out
    )
    assert [(m["agreed"], m["unexplained"], m["same_model"]) for m in found["measured"]] == [
        (1_000_000, 1, True),
        (999_999, 1, True),
    ]


def test_a_model_that_was_edited_since_is_told(reports: Path) -> None:
    report(reports, "kvm", "Linux 6.18.44-fc, kvm_pvm, x86_64 (AMD EPYC)", "of another")
    assert measured.measured_line().endswith("reports/conformance/; model/ was edited since, so: make conform")


def test_a_file_of_the_users_was_not_measured(reports: Path) -> None:
    report(reports, "kvm", "Linux 6.18.44-fc, kvm_pvm, x86_64 (AMD EPYC)", measured.model_digest())
    assert measured.measured_line(users_file=True).endswith(
        "; your file is no part of that: eoi conform kvm --design FILE"
    )
    assert "your file" not in measured.measured_line()


def test_a_model_that_was_never_measured_is_told(reports: Path) -> None:
    assert measured.measured_line() == "measured: not against a real system (make conform)"
