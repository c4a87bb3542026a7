"""How many clusters there shall be, and when: shapes as state machines of time and gauges, without Locust.

:mod:`course` has the steps that shapes are made of, :mod:`catalogue` the shapes, :mod:`search` the one that looks for
the largest number, :mod:`settings` their options, :mod:`planned` the only class that Locust sees.
"""
