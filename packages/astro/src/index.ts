/** Pure numerics of radio interferometry: time, coordinates, uvw, beams, gains, photometry. */
