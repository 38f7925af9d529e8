/** UVH5, FITS and catalogues: bytes to typed data and back. */
