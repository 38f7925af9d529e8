/** Stages, chains and products of the continuum pipeline. */
