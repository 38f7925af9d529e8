-- What people do with dead letters and failures, and what they see of attempts that were given back.

-- Dead letters in the order of their death, which is how they are read; only deaths are in it.
create index outcome_dead_by_end on absurd.outcome (finished_at, task_id) where kind = 'd';

-- What a group of errors was called, for when none of its tasks is dead any more.
alter table absurd.error_group
  add column task_name text,
  add column tag text,
  add column class text,
  add column message text;

update absurd.error_group g
   set task_name = e.task_name, tag = e.tag, class = e.class, message = e.message
  from (
    select distinct on (a.fingerprint) a.fingerprint, k.name as task_name,
           a.error ->> 'tag' as tag, a.error ->> 'class' as class, a.error ->> 'message' as message
      from absurd.attempt a
      join absurd.task t on t.id = a.task_id
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.kind k on k.kind_id = l.kind_id
     where a.fingerprint in (select n.fingerprint from absurd.error_group n)
     order by a.fingerprint, a.task_id desc
  ) e
 where e.fingerprint = g.fingerprint;

-- Of an attempt that was given back: who had it, and when. Null: suspended, or a new start.
alter table absurd.credit
  add column worker_id integer,
  add column claimed_at timestamptz,
  add column finished_at timestamptz;

-- How many tasks were ever spawned, as the leader counted them last.
alter table absurd.depth_noted add column spawned bigint;

-- Names the request that fired a schedule by hand: the same one again is told of the same firing.
alter table absurd.fire add column request uuid;
create unique index fire_once_a_request on absurd.fire (schedule_id, request)
  where request is not null;
drop function if exists absurd.trigger_schedule(text, text);

-- They say more.
drop function if exists absurd.find_dead(jsonb, integer, timestamptz, bigint);
drop function if exists absurd.read_changes(
  bigint, bigint[], absurd.change_place, bigint, bigint, bigint, integer, integer);
