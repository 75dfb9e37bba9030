"""Files as GDAL writes them: what it leaves out, loses or does not tell, and how to close them."""
