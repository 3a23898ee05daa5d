"""The version of the code; the compatibility database is versioned apart (``dicom_dictionaries/VERSION``)."""

__version__ = "0.1.0"
