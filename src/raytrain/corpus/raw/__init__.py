"""Raw pairs of any shape, from files, object stores and the hub: read, checked row by row, each row accounted for."""
