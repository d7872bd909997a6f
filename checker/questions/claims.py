"""`eoi claims`: what was said of behaviour in the thread, as queries. A claim is true if every query comes out as it says.

The claims are those of the record that speak of behaviour; opinions about names, process and taste are not queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.scope import parse_scope
from checker.questions.verdict import check_cell


@dataclass(frozen=True)
class Query:
    """One property in one cell, and the verdicts that the claim implies."""

    design: str
    property: str
    implied: str  # a Status name
    vmm: str = "qemu"
    guest: str = "windows_cg"
    device: str = "level"
    scope: str = "ioapic=0x20"

    def command(self) -> str:
        scope = f" --scope {self.scope}" if self.scope else ""
        return (
            f"eoi prove {self.design} --vmm {self.vmm} --guest {self.guest} --device {self.device} "
            f"--property {self.property}{scope}"
        )


@dataclass(frozen=True)
class Claim:
    name: str
    who: str
    text: str
    queries: tuple[Query, ...]
    under: str = ""  # what the claim leaves unsaid


NONE, ENABLE, DISABLE = "flags=NONE", "flags=BIT2", "flags=BIT3"
V11, V20 = "ioapic=0x11", "ioapic=0x20"

CLAIMS = (
    Claim(
        "not_every_eoi_exits", "Sean Christopherson, 2025-09-22",
        '"KVM exits on every APIC EOI" is wrong: only intercepted EOIs exit.',
        (Query("base", "eoi_exit", "NEVER", guest="linux", device="edge"),
         Query("base", "eoi_exit", "REACHED", guest="linux")),
    ),
    Claim(
        "fixing_it_unconditionally_breaks_a_vmm", "Sean Christopherson, 2025-09-22",
        "Simply obeying the guest breaks VMMs that have no EOI register.",
        (Query("v1", "no_eoi_lost", "VIOLATED", vmm="openvmm", scope=V11),
         Query("base", "no_eoi_lost", "HOLDS", vmm="openvmm", scope=V11)),
    ),
    Claim(
        "every_vmm_without_the_register_breaks", "the same, read literally",
        "v1 makes a Windows guest lose interrupts on every VMM without an EOI register.",
        (Query("v1", "line_is_serviced", "VIOLATED", vmm="openvmm", scope=V11),
         Query("v1", "line_is_serviced", "VIOLATED", vmm="cloud_hypervisor", scope=V11)),
    ),
    Claim(
        "hiding_cures_a_vmm_without_the_register", "Khushit Shah, 2025-10-03",
        "A VMM without an EOI register is safe once the feature is not offered.",
        (Query("v6", "no_storm", "HOLDS", scope=f"{V11},{DISABLE}"),
         Query("v6", "no_eoi_lost", "HOLDS", scope=f"{V11},{DISABLE}")),
        under="where it is not offered, Windows EOIs its LAPIC after the service (no source is known)",
    ),
    Claim(
        "without_the_register_both_ways_fail", "Khushit Shah, 2025-10-31",
        "Without an EOI register, quirk on storms, and quirk off loses the EOI.",
        (Query("quirk_oct31", "no_storm", "VIOLATED", scope=f"{V11},{NONE}"),
         Query("quirk_oct31", "no_eoi_lost", "VIOLATED", scope=f"{V11},{ENABLE}")),
    ),
    Claim(
        "the_quirk_needs_a_vmm_with_directed_eoi", "Sean Christopherson, 2025-10-31",
        "The quirk may be disabled exactly by VMMs that have directed EOI.",
        (Query("quirk_oct31", "no_storm", "HOLDS", scope=f"{V20},{ENABLE}"),
         Query("quirk_oct31", "no_eoi_lost", "HOLDS", scope=f"{V20},{ENABLE}"),
         Query("quirk_oct31", "no_eoi_lost", "VIOLATED", scope=f"{V11},{ENABLE}")),
    ),
    Claim(
        "suppressing_without_the_register_never_eois", "David Woodhouse, 2025-12-03",
        "Suppressing broadcasts without an EOI register means that the EOI never happens at all.",
        (Query("v6", "no_eoi_lost", "VIOLATED", scope=f"{V11},{ENABLE}"),
         Query("v6", "no_eoi_lost", "VIOLATED", guest="xen", scope=f"{V11},{ENABLE}")),
    ),
    Claim(
        "suppressing_without_the_register_hurts_blind_guests", "the same, of guests that write the register blindly",
        "... for a guest that writes the register without looking at the version.",
        (Query("v6", "no_eoi_lost", "VIOLATED", scope=f"{V11},{ENABLE}"),
         Query("v6", "no_eoi_lost", "VIOLATED", guest="illumos", scope=f"{V11},{ENABLE}"),
         Query("v6", "no_eoi_lost", "HOLDS", guest="xen", scope=f"{V11},{ENABLE}")),
    ),
    Claim(
        "the_flag_can_meet_an_in_kernel_chip", "David Woodhouse, 2026-01-16",
        "Userspace could set ENABLE and then create the in-kernel irqchip.",
        (Query("v6", "enable_never_meets_a_kernel_ioapic", "VIOLATED", vmm="setup_vmm", guest="lapic", scope=""),),
    ),
    Claim(
        "the_flag_could_meet_an_in_kernel_chip_in_v5", "David Woodhouse, 2026-01-16, of v5",
        "In v5, userspace can set ENABLE and then create the in-kernel irqchip.",
        (Query("v5", "enable_never_meets_a_kernel_ioapic", "VIOLATED", vmm="setup_vmm", guest="lapic", scope=""),),
    ),
    Claim(
        "a_guest_cannot_plant_the_bit", "Sean Christopherson, 2026-01-13",
        "Where LVR bit 24 is clear, SPIV bit 12 can be set only through KVM_SET_LAPIC.",
        (Query("v6", "suppression_requested", "NEVER", vmm="firecracker", guest="any", scope=V11),
         Query("v6", "spiv_needs_lvr", "VIOLATED", vmm="any_vmm", guest="lapic", scope="")),
    ),
    Claim(
        "an_early_probe_misses_enable", "David Woodhouse, 2026-01-27",
        "A VMM that probes the VM fd before it chooses the split irqchip does not see ENABLE.",
        (Query("v6", "early_probe_sees_the_flags", "VIOLATED", vmm="setup_vmm", guest="lapic", scope=""),),
    ),
)  # fmt: skip

NOT_QUERIES = (
    ("names and conventions of the flags (Kai Huang, David Woodhouse, Sean Christopherson)", "not behaviour"),
    ("the RTC's EOI is still needed when suppressed (Khushit Shah, 2025-12-17)", "the RTC is not modelled"),
    ("racing ioctls need kvm->lock (Kai Huang, 2026-01-27)", "an ioctl is one step here"),
    ("stable backports, splitting of the series", "not behaviour"),
)


def judge(claim: Claim) -> list[tuple[Query, str]]:
    """The verdict of each query of a claim."""
    known = all_properties()
    found = []
    for q in claim.queries:
        chosen = matrix(
            (q.design, designs()[q.design]), kernels=["base"], vmms=[q.vmm], guests=[q.guest], devices=[q.device],
            scope=parse_scope(q.scope),
        )  # fmt: skip
        cell = next(c for c in chosen if isinstance(c, Cell))  # without flags, where the scope leaves them open
        (verdict,) = check_cell(cell, [known[q.property]]).verdicts
        found.append((q, verdict.status.name))
    return found


def claim_lines(claims: Sequence[Claim] = CLAIMS) -> list[str]:
    """Each claim with its verdict and the commands that show it; then what is no query, and why."""
    lines = []
    for claim in claims:
        answers = judge(claim)
        true = all(status == q.implied for q, status in answers)
        word = "FALSE" if not true else f"TRUE if {claim.under}" if claim.under else "TRUE"
        lines += [f"{claim.name}: {word}", f"  {claim.who}: {claim.text}"]
        lines += [f"  {status:<9} {q.command()}" for q, status in answers]
        lines.append("")
    return [*lines, "Not queries:", *(f"  {what}: {why}" for what, why in NOT_QUERIES)]
