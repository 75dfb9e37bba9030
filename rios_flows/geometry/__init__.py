"""Where grids lie: coordinate reference systems, footprints, regions."""
