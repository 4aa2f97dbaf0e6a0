"""Uploaded photos and papers: told by their bytes, never by their name, and pictures made of them to be shown."""

from activities.evidence.kinds import Kind, Limits, UnfitFile, told
from activities.evidence.pictures import SIZES, picture

__all__ = ["SIZES", "Kind", "Limits", "UnfitFile", "picture", "told"]
