"""How we know: the engines, and the command `eoi`."""

import os
import sys
import time
from pathlib import Path

STARTED = time.time_ns()  # before anything is imported that could be edited meanwhile (engine/sources.py)
# Nothing here multiplies matrices, and a thread that numpy's library starts for it turns idly for a tenth of a second.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import model  # noqa: E402

if Path(model.__file__ or "").resolve().parent.parent != Path(__file__).resolve().parent.parent:
    said = (
        f"eoiproof found another package called 'model' at {model.__file__}: it is an application with top-level "
        "packages model, properties and checker; run it in an environment of its own, not from that directory"
    )
    if Path(sys.argv[0]).name != "eoi":
        raise ImportError(said)
    print(f"eoi: {said}", file=sys.stderr)
    sys.exit(2)
