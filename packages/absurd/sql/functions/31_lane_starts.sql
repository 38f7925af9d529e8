-- Where the lanes of these queues and kinds begin: the seq of the first live row, or, of a lane that
-- has none, the last number given out before the look, after which new rows come.
-- A row that a slower transaction numbered before that may still appear below it.
-- Reads every dead row before the first live one; locks nothing, so that no claim waits for it.
-- Volatile: the number has to be older than the snapshot in which the lanes are read.
create or replace function absurd.lane_starts(p_queues text[], p_kinds integer[])
  returns table (lane_id integer, seq bigint, is_live boolean)
  language plpgsql volatile
as $$
declare
  v_given bigint := (select s.last_value from absurd.ready_seq s);
begin
  return query
    select l.lane_id, coalesce(first.seq, v_given), first.seq is not null
      from absurd.lane l
      left join lateral (
        select r.seq from absurd.ready r where r.lane_id = l.lane_id order by r.seq limit 1
      ) first on true
     where l.queue = any(p_queues) and l.kind_id = any(p_kinds);
end;
$$;
