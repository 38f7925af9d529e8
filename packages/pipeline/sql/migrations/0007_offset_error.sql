-- What the noise lets expect of offset_arcsec: the rms distance of the fitted place from the true
-- one. Null where no fit was possible, and for measurements of before.
alter table contimg.measurements
  add column offset_error_arcsec double precision,
  add constraint measurement_offset_error_positive check (offset_error_arcsec > 0);
