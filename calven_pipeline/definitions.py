"""The front door for Dagster: everything in `defs/`, in one process.

DuckDB takes one writer, so separate step processes would only queue for the file and cost seconds each to start.

What may surprise: this is `dg.load_from_defs_folder` without its catalogue of component types, and it is done once in a
process: we have no components, the catalogue takes 0.2 s, and `dg launch` asks for the definitions five times. What is
loaded by then stays as long as the process, so the garbage collector is told to leave it alone: going through 120,000
objects of Dagster's again and again cost a run half a second.
"""

from __future__ import annotations

import gc
import sys
import warnings
from functools import cache
from pathlib import Path

import dagster as dg

from calven_pipeline import defs as defs_folder


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs and resources, with the in-process executor."""
    if "duckdb" not in sys.modules:  # which tells of leaks where its own objects are left alone at the end
        gc.freeze()
    return _definitions()


@cache
def _definitions() -> dg.Definitions:
    tree = dg.ComponentTree.from_module(defs_folder, project_root=Path(__file__).parent.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # as `dg.load_from_defs_folder` does; it is built on these
        warnings.simplefilter("ignore", DeprecationWarning)  # so does it; Dagster 1.13.27 asks pydantic in an old way
        loaded = tree.build_defs(tree.defs_module_path)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
