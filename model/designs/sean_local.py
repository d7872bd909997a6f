"""Sean Christopherson's local rewrite of v1: comment and changelog only, the code is v1's."""

from model.designs.base import Base
from model.designs.v1 import V1
from model.lang import Patch


class SeanLocal(Base):
    patch = Patch(
        title="KVM: x86: Suppress EOI broadcasts with split IRQCHIP if Directed EOI is enabled",
        author="Khushit Shah, rewritten by Sean Christopherson",
        date="2025-09-22",
        msgid="aNHE0U3qxEOniXqO@google.com",
        base="base",
        note="equivalent to v1: same code, other words",
    )

    kvm_ioapic_send_eoi = V1.kvm_ioapic_send_eoi
