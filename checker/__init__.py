"""How we know: the engines, and the command `eoi`."""

from pathlib import Path

import model

if Path(model.__file__ or "").resolve().parent.parent != Path(__file__).resolve().parent.parent:
    raise ImportError(
        f"eoiproof found another package called 'model' at {model.__file__}: it is an application with top-level "
        "packages model, properties and checker; run it in an environment of its own, not from that directory"
    )
