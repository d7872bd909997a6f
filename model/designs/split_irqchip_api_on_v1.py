"""The 3 October capability on top of v1, as its author meant it."""

from model.designs.split_irqchip_api import SplitIrqchipApi
from model.designs.v1 import V1
from model.lang import Patch


class SplitIrqchipApiOnV1(SplitIrqchipApi, V1):
    patch = Patch(
        title="KVM_CAP_SPLIT_IRQCHIP_API on top of v1",
        author="Khushit Shah",
        date="2025-10-03",
        note="in reply to 20250918162529.640943-1-jon@nutanix.com (mails.md S2)",
        base="v1",
    )
