"""worklint: what each source really does with the filters of a radiology worklist."""
