"""Pairs in; kept, or dropped with a reason. Imports torch only inside `DoFn.setup`."""
