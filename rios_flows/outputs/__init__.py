"""What comes out: files with their statistics, histograms, overviews and colours."""
