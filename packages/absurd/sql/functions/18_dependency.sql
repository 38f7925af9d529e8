-- Dependencies. An edge parent -> child keeps the child in waiting until the edge is resolved: met,
-- or counted as met, or the end of the child. See absurd.dep for conditions.

-- Where an edge stands, from the end of its parent (p_kind null: not ended):
-- w waits, m met, x cancels the child, s skips it.
-- A skipped parent is cancelled with the tag Skipped. It did neither complete nor fail, and what it
-- leaves unmet is skipped in turn, unless the edge says to continue.
create or replace function absurd.edge_state(
  p_cond "char", p_otherwise "char", p_predicate jsonpath, p_kind "char", p_result jsonb,
  p_error jsonb
)
  returns "char"
  language sql immutable
as $$
  select case
    when p_kind is null then 'w'
    when p_otherwise = 'c' then 'm'
    when case p_cond
           when 's' then p_kind = 'c'
           when 'a' then true
           when 'f' then p_kind = 'd' or p_kind = 'x' and p_error ->> 'tag' is distinct from 'Skipped'
           else p_kind = 'c'
                and coalesce(jsonb_path_match(p_result, p_predicate, '{}', true), false)
         end then 'm'
    when p_otherwise = 's' or p_kind = 'x' and p_error ->> 'tag' = 'Skipped' then 's'
    else 'x'
  end::"char";
$$;

-- Where tasks stand with their parents: how many requirements are open (need), and the verdict when
-- one can no longer be met: x cancel, s skip, else null. culprit is the parent that is to blame.
-- One row a task that has edges. A requirement is an edge, or the edges with the same any_of.
create or replace function absurd.standing(p_children bigint[])
  returns table (child bigint, need integer, verdict "char", culprit bigint)
  language sql stable
as $$
  with edge as materialized (
    select d.child, d.parent, d.any_of,
           absurd.edge_state(d.cond, d.otherwise, d.predicate, o.kind, o.result, o.error) as state
      from (select distinct unnest(p_children) as child) c
      join absurd.dep d on d.child = c.child
      left join absurd.outcome o on o.task_id = d.parent
  ),
  requirement as (
    select e.child, e.state, e.parent from edge e where e.any_of is null
    union all
    select e.child,
           case when bool_or(e.state = 'm') then 'm' when bool_or(e.state = 'w') then 'w'
                when bool_or(e.state = 'x') then 'x' else 's' end::"char",
           min(e.parent)
      from edge e where e.any_of is not null group by e.child, e.any_of
  )
  select r.child, (count(*) filter (where r.state <> 'm'))::integer,
         case when bool_or(r.state = 'x') then 'x' when bool_or(r.state = 's') then 's' end::"char",
         coalesce(min(r.parent) filter (where r.state = 'x'),
                  min(r.parent) filter (where r.state = 's'))
    from requirement r group by r.child;
$$;

-- How many requirements of a task are open.
create or replace function absurd.unmet_count(p_child bigint)
  returns integer
  language sql stable
as $$
  select coalesce((select s.need from absurd.standing(array[p_child]) s), 0);
$$;

-- The same for many; tasks without open requirements are left out.
create or replace function absurd.unmet_counts(p_children bigint[])
  returns table (child bigint, need integer)
  language plpgsql stable
as $$
begin
  if cardinality(p_children) > 0 then
    return query select s.child, s.need from absurd.standing(p_children) s where s.need > 0;
  end if;
end;
$$;

-- Resolves the edges of tasks that just ended, in the transaction in which they did: counts down
-- children whose edge is met, ends those that can no longer run (and resolves their edges in turn),
-- and moves those with nothing left to wait for. Returns how many became ready.
--
-- Call it in a statement after the one that wrote the outcomes: only a newer snapshot sees edges
-- committed while that one waited. A child is counted once for each edge because who counts it
-- holds its waiting row, and because outcomes and counts are committed together.
-- Locks waiting rows in the order of child, all that may be ended in one go, then deferred, ready.
create or replace function absurd.resolve_dependents(p_ended bigint[])
  returns integer
  language plpgsql
as $$
declare
  v_ended bigint[] := p_ended;
  v_plain bigint[];
  v_counts integer[];
  v_judged bigint[];
  v_doomed bigint[];
  v_met bigint[];
  v_freed bigint[] := '{}';
  v_ready integer := 0;
begin
  while cardinality(v_ended) > 0 loop
    -- An end is looked up once, however many children wait for it, and only when one does. Joined
    -- by index only: a worker's session plans no hash joins, so two of these sets would be joined
    -- row by row.
    with parent as materialized (
      select o.*
        from unnest(v_ended) as e(id)
        cross join lateral (
          select e.id where exists (select from absurd.dep d where d.parent = e.id) offset 0
        ) p
        cross join lateral (
          select b.task_id, b.kind, b.result, b.error
            from absurd.outcome b where b.task_id = p.id offset 0
        ) o
    ),
    judged as (
      select d.child, d.any_of,
             absurd.edge_state(d.cond, d.otherwise, d.predicate, p.kind, p.result, p.error) as state
        from parent p join absurd.dep d on d.parent = p.task_id
    ),
    hit as (
      select e.child, count(*)::integer as met, bool_or(e.any_of is not null) as is_choice,
             bool_or(e.state <> 'm') as is_unmet
        from judged e group by e.child
    )
    select array_agg(h.child) filter (where not h.is_choice and not h.is_unmet),
           array_agg(h.met) filter (where not h.is_choice and not h.is_unmet),
           array_agg(h.child) filter (where h.is_choice or h.is_unmet),
           array_agg(h.child) filter (where h.is_unmet)
      into v_plain, v_counts, v_judged, v_doomed
      from hit h;
    v_ended := null;

    if v_judged is not null then
      perform absurd.lock_waiting(v_plain || v_judged, v_doomed);
    end if;
    if v_plain is not null then
      with held as materialized (
        select w.child, h.met
          from absurd.waiting w join unnest(v_plain, v_counts) as h(child, met) on h.child = w.child
         order by w.child
           for update of w
      ),
      counted as (
        update absurd.waiting w set need = w.need - h.met
          from held h where w.child = h.child
        returning w.child, w.need
      )
      select array_agg(c.child) into v_met from counted c where c.need = 0;
      if v_met is not null then
        v_ready := v_ready + absurd.leave_waiting(v_met);
        v_freed := v_freed || v_met;
      end if;
    end if;
    if v_judged is not null then
      v_ended := absurd.end_hopeless(v_judged);
      v_ready := v_ready + absurd.leave_waiting(v_judged);
      v_freed := v_freed || v_judged;
    end if;
  end loop;
  if exists (select from absurd.fan_out f where f.task_id = any(v_freed)) then
    v_ready := v_ready + absurd.run_fan_outs(v_freed);
  end if;
  return v_ready;
end;
$$;

-- Locks the waiting rows of p_children, and of all that wait for p_doomed, directly or not, in the
-- order of child.
create or replace function absurd.lock_waiting(p_children bigint[], p_doomed bigint[])
  returns void
  language sql
as $$
  with recursive below(child) as (
    select unnest(p_doomed)
    union
    select d.child
      from below b
      join absurd.waiting w on w.child = b.child
      join absurd.dep d on d.parent = b.child
  )
  select from absurd.waiting w
   where w.child = any(p_children || array(select b.child from below b))
   order by w.child
     for update of w;
$$;

-- Counts the open requirements of waiting tasks anew and ends those that can no longer run. Returns
-- the ended. The caller holds their waiting rows; what it sees is all that was committed by then.
create or replace function absurd.end_hopeless(p_children bigint[])
  returns bigint[]
  language sql
as $$
  with judged as materialized (
    select * from absurd.standing(p_children)
  ),
  counted as (
    update absurd.waiting w set need = j.need
      from judged j
     where w.child = j.child and j.verdict is null and w.need <> j.need
       -- It waits for an event, which is no edge.
       and not exists (
             select from absurd.wait_event e where e.task_id = w.child and e.claim_no = w.claim_no
           )
  ),
  removed as (
    delete from absurd.waiting w using judged j
     where w.child = j.child and j.verdict is not null
    returning w.child, w.claim_no, j.verdict, absurd.task_uuid(j.culprit) as culprit
  ),
  ended as (
    insert into absurd.outcome (task_id, claim_no, kind, finished_at, error)
    select r.child, r.claim_no, 'x', absurd.clock(),
           jsonb_build_object(
             'tag', case r.verdict when 's' then 'Skipped' else 'DependencyFailed' end,
             'class', 'cancelled', 'message',
             case r.verdict
               when 's' then format('task %s ended otherwise than this one needs', r.culprit)
               else format('task %s, which it depends on, did not complete', r.culprit)
             end,
             'fields', jsonb_build_object('parent_task_id', r.culprit)
           )
      from removed r
    returning task_id
  )
  select coalesce(array_agg(e.task_id), '{}') from ended e;
$$;

-- Counts waiting tasks anew and does what follows. For tasks that are new in waiting or whose
-- parents were given a new start. Returns how many became ready. Locks as resolve_dependents does.
create or replace function absurd.recount_waiting(p_children bigint[])
  returns integer
  language plpgsql
as $$
declare
  v_ended bigint[];
begin
  perform absurd.lock_waiting(p_children, array(
    select s.child from absurd.standing(p_children) s where s.verdict is not null
  ));
  v_ended := absurd.end_hopeless(p_children);
  return absurd.leave_waiting(p_children) + absurd.resolve_dependents(v_ended);
end;
$$;

-- Moves tasks with nothing left to wait for on to deferred, parked or ready. Returns how many became
-- ready; those of gated lanes become so when the caller settles the gates.
create or replace function absurd.leave_waiting(p_children bigint[])
  returns integer
  language plpgsql
as $$
declare
  v_ready integer;
  v_gated absurd.ready[];
begin
  with left_waiting as (
    delete from absurd.waiting w where w.child = any(p_children) and w.need = 0
    returning w.child, w.claim_no, w.lane_id, w.run_at
  ),
  due as materialized (
    select l.*, n.gated
      from left_waiting l join absurd.lane n on n.lane_id = l.lane_id
     where l.run_at <= absurd.clock()
  ),
  later as (
    insert into absurd.deferred (run_at, task_id, claim_no, lane_id)
    select l.run_at, l.child, l.claim_no, l.lane_id
      from left_waiting l where l.run_at > absurd.clock()
  ),
  now_ready as (
    insert into absurd.ready (lane_id, task_id, claim_no, at)
    select d.lane_id, d.child, d.claim_no, absurd.clock()
      from due d where not d.gated order by d.child
    returning 1
  )
  select (select count(*)::integer from now_ready),
         (
           select array_agg(row(d.lane_id, d.claim_no, null, d.child, absurd.clock())::absurd.ready
                            order by d.child)
             from due d where d.gated
         )
    into v_ready, v_gated;
  perform absurd.park(v_gated);
  return v_ready;
end;
$$;
