from dataclasses import dataclass

from model.designs.base import Base
from model.machine import Scope


@dataclass(frozen=True, init=False)
class Sizes(Scope):
    many: int = 2


class Mine(Base):
    scope: Sizes
