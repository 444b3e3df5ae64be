"""Development time: fits the calibration that ships and judges it on machines and models left out."""
