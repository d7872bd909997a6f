"""What pyproject.toml cannot say: files outside of the packages that the wheel has, too. checker/shipped.py finds them there."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "reports/expected.toml",
    "reports/proofs/*.txt",
    "reports/conformance/kvm.json",
    "reports/conformance/qemu.json",
    "reports/mutation/world.json",
    "tests/litmus/*.litmus",
    "tests/litmus/*.py",  # what a story names, but no test
)


class WithShipped(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # there they are where they always are
            for path in (
                p for pattern in SHIPPED for p in sorted(Path().glob(pattern)) if not p.name.startswith("test_")
            ):
                target = Path(self.build_lib, "checker/data", path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(cmdclass={"build_py": WithShipped})
