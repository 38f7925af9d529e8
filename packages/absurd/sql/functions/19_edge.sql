-- Edges of tasks that are being spawned.
--
-- An element of depends_on is a parent, { on, when, otherwise } or { any_of: [...], otherwise }.
-- A parent is a task_id, or the index of an earlier task of the batch. when: "success" (default),
-- "failure", "always" or { matches: jsonpath predicate on the parent's result }. otherwise:
-- "cancel" (default), "skip", "continue".

-- A depends_on as one row an edge: spec is { on, when, otherwise }. Edges of one any_of have its place
-- as any_of, and its otherwise as fallback.
create or replace function absurd.edge_specs(p_depends_on jsonb)
  returns table (spec jsonb, any_of smallint, fallback text)
  language sql immutable
as $$
  select case jsonb_typeof(o.value) when 'object' then o.value
                                    else jsonb_build_object('on', o.value) end,
         case when c.is_choice then e.ordinality::smallint end,
         case when c.is_choice then e.value ->> 'otherwise' end
    from jsonb_array_elements(p_depends_on) with ordinality e
    cross join lateral (
      select jsonb_typeof(e.value) = 'object' and e.value ? 'any_of' as is_choice
    ) c
    cross join lateral jsonb_array_elements(
      case when c.is_choice then e.value -> 'any_of' else jsonb_build_array(e.value) end
    ) o;
$$;

-- The edges that the new tasks of a batch ask for.
create or replace function absurd.edges_of(p_rows absurd.spawn_row[])
  returns absurd.new_edge[]
  language sql stable
as $$
  with spoken as (
    select r.number, r.ordinal - 1 as child_index, e.any_of, e.spec -> 'on' as asked,
           e.spec -> 'when' as cond,
           case when e.any_of is not null then e.fallback else e.spec ->> 'otherwise' end
             as otherwise
      from unnest(p_rows) r
      cross join lateral absurd.edge_specs(r.depends_on) e
     where r.depends_on is not null and r.number = r.final
  ),
  asked as materialized (
    select s.*, case jsonb_typeof(s.asked)
                  when 'number' then (s.asked #>> '{}')::integer
                end as parent_index
      from spoken s
  )
  select coalesce(array_agg(row(
           a.number, a.child_index,
           case when a.parent_index is null then absurd.task_number((a.asked #>> '{}')::uuid)
                else p.final end,
           a.parent_index, a.asked #>> '{}',
           case coalesce(a.cond #>> '{}', 'success')
             when 'success' then 's' when 'failure' then 'f' when 'always' then 'a'
             else case when a.cond ? 'matches' then 'p' else '?' end
           end,
           case coalesce(a.otherwise, 'cancel')
             when 'cancel' then 'x' when 'skip' then 's' when 'continue' then 'c' else '?' end,
           a.any_of, a.cond ->> 'matches'
         )::absurd.new_edge order by a.child_index), '{}')
    from asked a
    left join unnest(p_rows) p on p.ordinal = a.parent_index + 1;
$$;

-- Writes the edges of a batch that is being spawned and notes the late ones.
-- An index must be of an earlier task, which is why a batch cannot hold a cycle. The end of a parent
-- that has ended is locked until the transaction ends: nobody gives it a new start unaware of these.
-- Raises WF005, WF006, WF007, WF015: see absurd.check_edges.
create or replace function absurd.record_edges(p_rows absurd.spawn_row[])
  returns void
  language plpgsql
as $$
declare
  v_edges absurd.new_edge[] := absurd.edges_of(p_rows);
  v_is_late boolean;
  v_count integer;
begin
  perform absurd.check_edges(v_edges);
  v_is_late := exists (select from unnest(v_edges) e where e.parent_index is null);
  if v_is_late then
    perform from absurd.outcome o
      where o.task_id = any(array(
        select e.parent from unnest(v_edges) e where e.parent_index is null
      ))
      order by o.task_id for key share;
  end if;

  insert into absurd.dep (parent, child, cond, otherwise, any_of, predicate)
  select e.parent, e.child, e.cond, e.otherwise, e.any_of, e.predicate::jsonpath
    from unnest(v_edges) e
   order by e.parent, e.child
  on conflict do nothing;
  get diagnostics v_count = row_count;
  if v_count < cardinality(v_edges) then
    perform absurd.assert_no_contradiction(v_edges);
  end if;

  if v_is_late then
    perform absurd.assert_not_hopeless(v_edges);
    insert into absurd.late_edge (child)
    select distinct d.child
      from unnest(v_edges) e
      join absurd.dep d on d.parent = e.parent and d.child = e.child
      left join absurd.outcome o on o.task_id = d.parent
     where e.parent_index is null
       and absurd.edge_state(d.cond, d.otherwise, d.predicate, o.kind, o.result, o.error) <> 'm';
  end if;
end;
$$;

-- Raises WF005 for an index that is not of an earlier task, WF006 for a parent that does not exist,
-- WF015 for a condition that is none.
create or replace function absurd.check_edges(p_edges absurd.new_edge[])
  returns void
  language plpgsql
as $$
declare
  v_edge record;
begin
  select * into v_edge from unnest(p_edges) e
   where e.parent_index is not null and (e.parent is null or e.parent_index >= e.child_index)
   limit 1;
  if found then
    raise exception using
      errcode = 'WF005',
      message = format('task %s of the batch depends on index %s, which is not of an earlier task',
                       v_edge.child_index, v_edge.parent_index);
  end if;
  select * into v_edge from unnest(p_edges) e
   where e.parent_index is null
     and not exists (select from absurd.task t where t.id = e.parent)
   limit 1;
  if found then
    raise exception using
      errcode = 'WF006',
      message = format('task %s of the batch depends on %s, which does not exist',
                       v_edge.child_index, v_edge.asked);
  end if;
  select * into v_edge from unnest(p_edges) e where e.cond = '?' or e.otherwise = '?' limit 1;
  if found then
    raise exception using
      errcode = 'WF015',
      message = format(
        'task %s of the batch depends on %s with an unknown %s', v_edge.child_index, v_edge.asked,
        case v_edge.cond when '?'
          then '"when", expected success, failure, always or {"matches": a jsonpath predicate}'
          else '"otherwise", expected cancel, skip or continue' end);
  end if;
  for v_edge in
    select e.predicate, min(e.child_index) as child_index
      from unnest(p_edges) e where e.predicate is not null group by e.predicate
  loop
    perform absurd.check_predicate(v_edge.predicate, v_edge.child_index);
  end loop;
end;
$$;

-- Raises WF015 for two edges of a task to the same parent that differ.
create or replace function absurd.assert_no_contradiction(p_edges absurd.new_edge[])
  returns void
  language plpgsql
as $$
declare
  v_edge record;
begin
  select e.child_index, min(e.asked) as asked into v_edge
    from unnest(p_edges) e
   group by e.child_index, e.child, e.parent
  having count(distinct (e.cond, e.otherwise, e.any_of, e.predicate)) > 1
   limit 1;
  if found then
    raise exception using
      errcode = 'WF015',
      message = format('task %s of the batch depends on %s twice, in different ways',
                       v_edge.child_index, v_edge.asked);
  end if;
end;
$$;

-- Raises WF015 for text that is no jsonpath predicate. One that fails on a result, or says neither
-- yes nor no, counts as not met.
create or replace function absurd.check_predicate(p_text text, p_child_index integer)
  returns void
  language plpgsql immutable
as $$
begin
  perform jsonb_path_match('{}', p_text::jsonpath);
exception
  when singleton_sql_json_item_required then
    raise exception using
      errcode = 'WF015',
      message = format('condition of task %s of the batch, "%s", is a path and no predicate; '
                       'expected one like $.rms < 0.5', p_child_index, p_text);
  when data_exception or syntax_error_or_access_rule_violation then
    raise exception using
      errcode = 'WF015',
      message = format('condition of task %s of the batch, "%s", is no jsonpath predicate: %s',
                       p_child_index, p_text, sqlerrm);
end;
$$;

-- Raises WF007 for an edge that can never be met and whose child would be cancelled at once. A child
-- that would be skipped is left to the audit.
create or replace function absurd.assert_not_hopeless(p_edges absurd.new_edge[])
  returns void
  language plpgsql
as $$
declare
  v_edge record;
begin
  select e.child_index, absurd.task_uuid(s.culprit) as parent,
         case o.kind when 'd' then 'failed' when 'x' then 'was cancelled' else 'completed' end as ending
    into v_edge
    from absurd.standing(array(
           select distinct e.child from unnest(p_edges) e where e.parent_index is null
         )) s
    join unnest(p_edges) e on e.child = s.child and e.parent = s.culprit
    join absurd.outcome o on o.task_id = s.culprit
   where s.verdict = 'x'
   limit 1;
  if found then
    raise exception using
      errcode = 'WF007',
      message = format('task %s of the batch depends on %s, which %s',
                       v_edge.child_index, v_edge.parent, v_edge.ending);
  end if;
end;
$$;
