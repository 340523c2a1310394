"""One file format: named arrays and metadata, in and out, checked, never pickle; knows no model."""

from tastespace.store.file import read, write
from tastespace.store.header import FORMAT
from tastespace.store.ids import pack, unpack
from tastespace.store.metadata import Json

__all__ = ["FORMAT", "Json", "pack", "read", "unpack", "write"]
