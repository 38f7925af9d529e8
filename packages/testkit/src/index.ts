/** Databases, clocks, factories and simulated skies for tests. */
