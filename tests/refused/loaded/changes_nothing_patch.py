from model.designs.v6 import V6
from model.lang import Patch


class Mine(V6):
    """v7."""

    patch = Patch("KVM: x86: v7")
