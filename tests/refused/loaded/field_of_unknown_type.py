from __future__ import annotations

from model.designs.base import Base


class Mine(Base):
    late_eoi: Vector | None
