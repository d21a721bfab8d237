"""The run table, the queue and the detached worker."""
