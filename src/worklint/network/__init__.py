"""The only package that opens sockets: measure a live source (``probe``), hold predictions against it (``verify``)."""
