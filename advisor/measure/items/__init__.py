"""One file per kind of measurement: what it asks of a worker and which record it makes."""
