"""The 3 October capability on top of v1, as its author meant it."""

from model.designs.split_irqchip_api import SplitIrqchipApi
from model.designs.v1 import V1
from model.lang import Patch


class SplitIrqchipApiOnV1(SplitIrqchipApi, V1):
    patch = Patch(
        title="KVM_CAP_SPLIT_IRQCHIP_API on top of v1",
        author="Khushit Shah",
        date="2025-10-03",
        msgid="seed 002",
        base="v1",
    )
