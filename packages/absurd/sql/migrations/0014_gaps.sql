-- It takes whether the tasks are suspended.
drop function if exists absurd.free_gates(bigint[], timestamptz[]);

-- On which days tasks were born that name a gate; the rows of a day go with its tasks. A gate that
-- nobody set goes when it has no row left.
create table absurd.gate_day (
  day      date not null,
  gate_id  integer not null,
  primary key (day, gate_id)
);

create index gate_day_of_gate on absurd.gate_day (gate_id);

-- Which of today's tasks name a gate is not known: each may, on every day that there is.
insert into absurd.gate_day (day, gate_id)
select case when c.relname ~ '^task_[0-9]{8}$' then to_date(right(c.relname, 8), 'YYYYMMDD') end,
       g.gate_id
  from absurd.gate g
  cross join pg_inherits i
  join pg_class c on c.oid = i.inhrelid
 where i.inhparent = 'absurd.task'::regclass;

-- The workflow of an instant whose schedule names a template; task_id is null then.
alter table absurd.fire add column workflow_id uuid;

drop function if exists absurd.open_fires(integer);

-- absurd.explain_queue says it.
drop function if exists absurd.explain_limit(bigint);
