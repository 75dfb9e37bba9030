"""What goes in: rasters and vector layers, brought onto the working grid."""
