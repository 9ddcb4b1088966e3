"""Small models for the fuzzer to begin with, some 1,700: one or more for each operator, from the test cases of the onnx package.

    python3 seeds.py FOLDER
"""

import sys
import warnings
from pathlib import Path

from onnx.backend.test.case.node import collect_testcases

warnings.filterwarnings("ignore")

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for case in collect_testcases(None):
    model = case.model.SerializeToString() if case.model else b""
    if 0 < len(model) < 3000:
        (folder / f"{case.name}.onnx").write_bytes(model)
