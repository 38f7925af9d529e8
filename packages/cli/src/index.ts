/** The commands absurd and contimg: the composition root. */
