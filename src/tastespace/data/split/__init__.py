"""Splits into training and test events.

Each way answers another question; ``docs/guide/splits.md`` shows them side by side, and every function says when to
use it.
"""

from tastespace.data.split.ids import items_out, users_out
from tastespace.data.split.leak import Leak
from tastespace.data.split.moments import by_time, rolling
from tastespace.data.split.one_each import last_out, leave_one_out
from tastespace.data.split.parts import Split, SplitCounts
from tastespace.data.split.shares import kfold, random, stratified

__all__ = [
    "Leak",
    "Split",
    "SplitCounts",
    "by_time",
    "items_out",
    "kfold",
    "last_out",
    "leave_one_out",
    "random",
    "rolling",
    "stratified",
    "users_out",
]
