"""Source profiles, and finding, opening and fingerprinting presence exports.

What may surprise: nothing is left out silently. A row that cannot be read comes as a malformed row with its text, a
file that cannot be read or a profile that cannot work is an error of one line.
"""

from __future__ import annotations

from calven_pipeline.exports.folder import ExportFile, find_exports, sha256_of
from calven_pipeline.exports.mappings import read_people, read_places
from calven_pipeline.exports.profiles import Format, SourceProfile, load_profiles
from calven_pipeline.exports.reading import ExportReader, check_columns, open_export

__all__ = [
    "ExportFile",
    "ExportReader",
    "Format",
    "SourceProfile",
    "check_columns",
    "find_exports",
    "load_profiles",
    "open_export",
    "read_people",
    "read_places",
    "sha256_of",
]
