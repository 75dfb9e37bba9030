"""What tests share: rasters, jobs, stores, and what to expect of them."""
