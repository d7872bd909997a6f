"""Linux KVM before the feature (4.17 to 6.18): Suppress EOI Broadcast is offered, and the request is ignored."""

from model.kvm import Kvm
from model.lang import Patch


class Base(Kvm):
    patch = Patch(
        title="Linux KVM, before the feature",
        note="offered since 4.4 (7543a635aa09), hidden for the in-kernel I/O APIC since 4.17 (0bcc3fb95b97)",
    )
