"""What every test shares."""

from hypothesis import settings

# A busy machine makes any example slow; speed is judged in benchmarks/, never here.
settings.register_profile("sizer", deadline=None)
settings.load_profile("sizer")
