from model.designs.base import Base


class Mine(Base):
    """Obey SPIV bit 12."""
