-- What a task costs in the planes and the log, cut further: what its number says is not written.

drop view if exists absurd.dead_letter;
drop view if exists absurd.tasks;

-- Null: when the task's number was made. That is when most tasks are created, and become ready.
alter table absurd.task alter column created_at drop not null;
alter table absurd.ready alter column at drop not null;

-- Since when the task had been ready, which nobody asked a lease.
alter table absurd.lease drop column at;

-- What a claim takes: places in ready, all of these lanes, whose kinds stand beside them.
create type absurd.chosen as (places tid[], lanes integer[], kinds integer[]);

drop function if exists absurd.claim(
  integer, bigint, text[], integer[], integer[], bigint[], integer, integer[]);
drop function if exists absurd.claim_shared(
  integer, bigint, text[], integer[], integer[], bigint[], integer, integer[]);

-- Ends, in an order of columns without gaps between them.
alter table absurd.outcome rename to outcome_before;
alter index absurd.outcome_pkey rename to outcome_before_pkey;
alter table absurd.outcome_before rename constraint outcome_kind_known to outcome_before_kind_known;
drop index absurd.outcome_by_xid;
drop index absurd.outcome_not_completed;

create table absurd.outcome (
  task_id      bigint not null primary key,
  claim_no     integer not null,
  worker_id    integer,
  claimed_at   timestamptz,
  finished_at  timestamptz not null,
  -- The transaction that wrote the row: see the migration of history.
  xid          bigint not null default txid_current(),
  kind         "char" not null constraint outcome_kind_known check (kind in ('c', 'd', 'x')),
  result       jsonb,
  error        jsonb,
  fingerprint  text
) partition by range (task_id);

create index outcome_not_completed on absurd.outcome (kind, task_id) where kind <> 'c';
create index outcome_by_xid on absurd.outcome using brin (xid)
  with (pages_per_range = 32, autosummarize = on);

do $$
declare
  v_part record;
begin
  for v_part in
    select c.oid, c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'absurd.outcome_before'::regclass
  loop
    execute format('alter table absurd.outcome_before detach partition absurd.%I', v_part.name);
    execute format('alter table absurd.%I rename to %I', v_part.name, v_part.name || '_before');
    execute format(
      'alter index absurd.%I rename to %I', v_part.name || '_pkey', v_part.name || '_before_pkey');
    execute format(
      'create table absurd.%I partition of absurd.outcome %s', v_part.name, v_part.bound);
    execute format(
      'insert into absurd.outcome (task_id, claim_no, worker_id, claimed_at, finished_at, xid, kind,
                                   result, error, fingerprint)
       select task_id, claim_no, worker_id, claimed_at, finished_at, xid, kind, result, error,
              fingerprint
         from absurd.%I order by task_id', v_part.name || '_before');
    execute format('drop table absurd.%I', v_part.name || '_before');
  end loop;
end;
$$;

drop table absurd.outcome_before;
