from model.designs.base import Base


class Mine(Base):
    lane = "KVM"
      source = "lapic.c"
