"""One file for each form that `sizer import` reads."""
