"""v3: v2 sent again, with other formatting."""

from model.designs.quirk_oct31 import TwoFlags
from model.designs.v2 import V2
from model.lang import Patch


class V3(TwoFlags):
    patch = Patch(
        title='KVM: x86: Add x2APIC "features" to control EOI broadcast suppression (v3)',
        author="Khushit Shah",
        date="2025-11-25",
        msgid="20251125180557.2022311-1-khushit.shah@nutanix.com",
        base="base",
        note="equivalent to v2",
    )
    flag_names = V2.flag_names
