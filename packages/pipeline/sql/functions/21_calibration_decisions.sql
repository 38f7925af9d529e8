-- What was decided for which tile: recorded with the product, or while the tile waits.

-- Records the decision that made the group's current calibrated set; call it in the transaction
-- that registers the set. Ends the group's waits. Locks those.
create or replace function contimg.record_calibration_decision(
  p_group_id text,
  p_decision jsonb,
  p_policy jsonb
)
  returns bigint
  language plpgsql
as $$
declare
  v_decision_id bigint;
begin
  insert into contimg.calibration_decisions (
    group_id, product_id, kind, reason, warnings, decision, policy)
  select p_group_id, p.product_id, p_decision->>'kind', p_decision->>'reason',
         array(select jsonb_array_elements_text(p_decision->'warnings')), p_decision, p_policy
    from contimg.products p
   where p.group_id = p_group_id
     and p.kind = 'calibrated-measurement-set'
     and p.superseded_at is null
     and p.ordinal = 0
  returning decision_id into strict v_decision_id;

  insert into contimg.calibration_uses (decision_id, calibration_id, weight)
  select v_decision_id, (t->>'calibration_id')::uuid, (t->>'weight')::double precision
    from jsonb_array_elements(p_decision->'tables') as t
   where t->>'calibration_id' is not null;

  update contimg.calibration_decisions d
     set released_at = clock_timestamp()
   where d.group_id = p_group_id
     and d.kind = 'hold'
     and d.released_at is null;
  return v_decision_id;
end;
$$;

-- Records that a tile waits, once a task however often it looks: a later look says what is in the
-- way now. The name of the event that ends the wait is made of what it returns. Locks the group, so
-- that two runs of one group record one after the other.
create or replace function contimg.hold_for_calibration(
  p_group_id text,
  p_task_id uuid,
  p_decision jsonb,
  p_policy jsonb
)
  returns table (decision_id bigint, looked_count integer)
  language plpgsql
as $$
#variable_conflict use_column
begin
  perform contimg.lock_group(p_group_id);
  return query
  insert into contimg.calibration_decisions as d (
    group_id, task_id, kind, reason, warnings, decision, policy)
  values (p_group_id, p_task_id, 'hold', p_decision->>'reason',
          array(select jsonb_array_elements_text(p_decision->'warnings')), p_decision, p_policy)
  on conflict (group_id, coalesce(task_id, '00000000-0000-0000-0000-000000000000'))
     where kind = 'hold' and released_at is null
  do update
     set reason = excluded.reason,
         warnings = excluded.warnings,
         decision = excluded.decision,
         policy = excluded.policy,
         looked_count = d.looked_count + 1
  returning d.decision_id, d.looked_count;
end;
$$;

-- The tiles that wait, the longest waiting first; not those whose task has ended otherwise.
create or replace function contimg.calibration_holds()
  returns setof contimg.calibration_decisions
  language sql
  stable
as $$
  select d.*
    from contimg.calibration_decisions d
   where d.kind = 'hold'
     and d.released_at is null
     and not exists (
           select from absurd.tasks t
            where t.task_id = d.task_id
              and t.status in ('completed', 'failed', 'cancelled'))
   order by d.decision_id;
$$;

-- A person's choice for a tile; null takes it back. Locks the group.
create or replace function contimg.assign_calibration(
  p_group_id text,
  p_calibration_id uuid,
  p_by text,
  p_reason text
)
  returns bigint
  language sql
as $$
  select contimg.lock_group(p_group_id);
  insert into contimg.calibration_assignments (group_id, calibration_id, assigned_by, reason)
  values (p_group_id, p_calibration_id, p_by, p_reason)
  returning assignment_id;
$$;

-- The calibration that a person chose for a group; null when none is in force.
create or replace function contimg.assigned_calibration(p_group_id text)
  returns uuid
  language sql
  stable
as $$
  select a.calibration_id
    from contimg.calibration_assignments a
   where a.group_id = p_group_id
   order by a.assignment_id desc
   limit 1;
$$;

-- The decisions behind the current calibrated sets of tiles that are not older than p_since_mjd,
-- the newest tile first, with where and when the tile was observed.
create or replace function contimg.decisions_in_force(p_since_mjd double precision)
  returns table (
    decision_id bigint,
    group_id text,
    decision jsonb,
    policy jsonb,
    task_id uuid
  )
  language sql
  stable
as $$
  select d.decision_id, d.group_id, d.decision, d.policy, d.task_id
    from contimg.calibration_decisions d
    join contimg.products p on p.product_id = d.product_id and p.superseded_at is null
   where (d.decision->'target'->>'mjd')::double precision >= p_since_mjd
   order by d.group_id desc;
$$;

-- How many tiles were given to the queue again since a time.
create or replace function contimg.superseded_since(p_since timestamptz)
  returns integer
  language sql
  stable
as $$
  select count(*)::integer from contimg.calibration_supersessions s where s.spawned_at >= p_since;
$$;

-- Whether a tile may be made again now, and by which chain: from its raw set while that is there,
-- else from its files. Null when it was given to the queue for these tables already, or has tasks
-- that have not ended. Locks the group.
create or replace function contimg.begin_supersession(
  p_group_id text, p_revision text, out chain text
)
  language plpgsql
as $$
begin
  perform contimg.lock_group(p_group_id);
  if exists (
       select from contimg.calibration_supersessions s
        where s.group_id = p_group_id and s.revision = p_revision)
     or exists (
       select from absurd.tasks t
        where t.correlation_id = p_group_id
          and t.status not in ('completed', 'failed', 'cancelled')) then
    return;
  end if;
  chain := case
    when exists (
      select from contimg.products p
       where p.group_id = p_group_id
         and p.kind = 'measurement-set'
         and p.superseded_at is null)
    then 'recalibrate'
    else 'target'
  end;
end;
$$;

-- What the group's latest task of each stage was given, by stage: a tile that is made again is made
-- as it was.
create or replace function contimg.last_params(p_group_id text)
  returns jsonb
  language sql
  stable
as $$
  select coalesce(jsonb_object_agg(latest.task_name, latest.params - 'group_id'), '{}')
    from (select distinct on (t.task_name) t.task_name, t.params
            from absurd.tasks t
           where t.correlation_id = p_group_id
             and jsonb_typeof(t.params) = 'object'
           order by t.task_name, t.created_at desc) as latest;
$$;

create or replace function contimg.record_supersession(
  p_group_id text,
  p_revision text,
  p_decision_id bigint,
  p_workflow_id uuid,
  p_reason text,
  p_better jsonb
)
  returns void
  language sql
as $$
  insert into contimg.calibration_supersessions (
    group_id, revision, decision_id, workflow_id, reason, better)
  values (p_group_id, p_revision, p_decision_id, p_workflow_id, p_reason, p_better);
$$;

-- Everything that a product was made from, up to raw files: the shortest way to each, nearest
-- first. product_id is null for what the registry does not know.
create or replace function contimg.ancestry(p_product_id uuid)
  returns table (depth integer, path text, product_id uuid, kind text, group_id text, task_name text)
  language sql
  stable
as $$
  with recursive up (depth, path, product_id) as (
    select 0, p.final_path, p.product_id
      from contimg.products p
     where p.product_id = p_product_id
    union
    select up.depth + 1, i.input_path, i.input_product_id
      from up
      join contimg.product_inputs i on i.product_id = up.product_id
  )
  select n.depth, n.path, n.product_id, p.kind, p.group_id, p.task_name
    from (select distinct on (up.path, up.product_id) up.*
            from up
           order by up.path, up.product_id, up.depth) as n
    left join contimg.products p on p.product_id = n.product_id
   order by n.depth, n.path;
$$;
