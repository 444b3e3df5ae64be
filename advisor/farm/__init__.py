"""Several boxes measured or planned with from one desk, over Dask distributed.

A scheduler passes messages, a worker on each box takes one measurement at a time, and a desk holds the store. Only what
talks to Dask imports it (``transport``, ``settings``, ``scheduler``, ``box_process``, ``connection``).
"""
