"""Statistics, histograms and overviews, gathered while blocks pass in any order."""
