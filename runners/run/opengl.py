"""What MuJoCo draws by, where there is no screen."""

import os
import sys
from ctypes.util import find_library

LIBRARIES = {"EGL": "egl", "OSMesa": "osmesa"}
"""Those that need no screen, by what MUJOCO_GL calls them; the first that there is draws."""


def choose() -> None:
    """Set MUJOCO_GL, unless the user has; MuJoCo reads it once, when it is imported."""
    if sys.platform.startswith("linux") and not os.environ.get("MUJOCO_GL"):
        there = [way for library, way in LIBRARIES.items() if find_library(library)]
        os.environ["MUJOCO_GL"] = next(iter(there), "disable")
