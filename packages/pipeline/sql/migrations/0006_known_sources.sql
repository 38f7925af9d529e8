-- Every point of a light curve is of a source that contimg.sources describes: a join of the two
-- loses none. Photometry writes the sources first, in the same transaction.
--
-- Lock order: groups, then sources (key share, by the points), then measurements.

insert into contimg.sources (source_name, ra_deg, dec_deg)
select distinct on (m.source_name) m.source_name, m.ra_deg, m.dec_deg
  from contimg.measurements m
 where not exists (select from contimg.sources s where s.source_name = m.source_name)
 order by m.source_name, m.mjd desc;

alter table contimg.measurements
  add constraint measurement_of_known_source
  foreign key (source_name) references contimg.sources (source_name);
