"""What is gathered while blocks pass: statistics, histograms and overviews, in any order."""
