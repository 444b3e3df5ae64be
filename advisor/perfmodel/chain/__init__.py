"""The chain of evidence: a question, what is believed of it, and the sources that refine the belief one by one."""
