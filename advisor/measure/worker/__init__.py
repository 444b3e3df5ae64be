"""Jobs in fresh interpreter processes: crashes and hangs become recorded failures."""
