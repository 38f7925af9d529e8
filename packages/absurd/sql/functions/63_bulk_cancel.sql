-- Cancelling many tasks by what they are.

-- Tasks that have not ended and that a filter is about, oldest first.
--
-- p_filter: { queue_name, task_name, tag, correlation_id, workflow_id, created_from, created_to,
-- running }; tag is the task's, running: false leaves those alone that a worker holds. At least one
-- other than running. Raises WF036 for another key and for none, 22P02 or 22007 for a bad value.
create or replace function absurd.find_live(p_filter jsonb, p_limit integer default null)
  returns table (task_id bigint)
  language plpgsql stable
as $$
begin
  perform absurd.check_filter(p_filter, array[
    'queue_name', 'task_name', 'tag', 'correlation_id', 'workflow_id', 'created_from',
    'created_to', 'running'
  ]);
  if jsonb_strip_nulls(p_filter) - 'running' = '{}' then
    raise exception using
      errcode = 'WF036',
      message = 'filter is empty, expected at least one condition: it would cancel every task';
  end if;
  return query
    select t.id
      from absurd.task t
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.kind k on k.kind_id = l.kind_id
     where not exists (select from absurd.outcome o where o.task_id = t.id)
       and (p_filter ->> 'queue_name' is null or l.queue = p_filter ->> 'queue_name')
       and (p_filter ->> 'task_name' is null or k.name = p_filter ->> 'task_name')
       and (p_filter ->> 'tag' is null or p_filter ->> 'tag' = any(t.tags))
       and (p_filter ->> 'correlation_id' is null
            or t.correlation_id = p_filter ->> 'correlation_id')
       and (p_filter ->> 'workflow_id' is null
            or t.workflow_id = (p_filter ->> 'workflow_id')::uuid)
       and (p_filter ->> 'created_from' is null
            or coalesce(t.created_at, absurd.number_at(t.id))
               >= (p_filter ->> 'created_from')::timestamptz)
       and (p_filter ->> 'created_to' is null
            or coalesce(t.created_at, absurd.number_at(t.id))
               < (p_filter ->> 'created_to')::timestamptz)
       and ((p_filter ->> 'running')::boolean is distinct from false
            or not exists (select from absurd.lease s where s.task_id = t.id))
     order by t.id
     limit p_limit;
end;
$$;

-- Cancels what a filter is about, at most p_limit tasks; says of each what happened, as in
-- absurd.cancel_tasks, or 'found' when p_dry_run.
create or replace function absurd.cancel_many(
  p_filter jsonb, p_reason text default 'cancelled by request', p_limit integer default 10000,
  p_dry_run boolean default false
)
  returns table (task_id uuid, what text)
  language plpgsql
as $$
declare
  v_ids bigint[] := array(select f.task_id from absurd.find_live(p_filter, p_limit) f);
begin
  if p_dry_run then
    return query select absurd.task_uuid(i), 'found' from unnest(v_ids) i;
  elsif cardinality(v_ids) > 0 then
    return query
      select absurd.task_uuid(c.task_id), c.what from absurd.cancel_tasks(v_ids, p_reason) c;
  end if;
end;
$$;
