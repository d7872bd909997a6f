from enum import Enum

from model.designs.base import Base


class Nothing(Enum):
    pass


class Mine(Base):
    seen: Nothing
