"""v2: the 31 October form with the flags renamed."""

from model.designs.quirk_oct31 import TwoFlags
from model.lang import Patch
from model.machine import ApiFlags


class V2(TwoFlags):
    """Assumed: the second mail of v2, which is garbled, says what v3 says."""

    patch = Patch(
        title="KVM: x86: Add x2APIC features to control EOI broadcast suppression (v2)",
        author="Khushit Shah",
        date="2025-11-25",
        msgid="20251125082922.1657936-1",
        base="base",
        note="equivalent to quirk_oct31: only names differ.",
    )
    flag_names = {
        ApiFlags.BIT2: "KVM_X2APIC_API_DISABLE_IGNORE_SUPPRESS_EOI_BROADCAST_QUIRK",
        ApiFlags.BIT3: "KVM_X2APIC_API_DISABLE_SUPPRESS_EOI_BROADCAST",
    }
