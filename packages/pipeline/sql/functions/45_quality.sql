-- The quality gates' part of the database: history, cases, and what people decide.

-- The last p_count_max values of each metric of a stage from runs other than p_fence.
create or replace function contimg.metric_history(
  p_task_name text,
  p_metrics text[],
  p_fence text,
  p_count_max integer
)
  returns table (metric text, past double precision[])
  language sql
  stable
as $$
  select m.metric, array(
           select q.value
             from contimg.quality_metrics q
            where q.task_name = p_task_name
              and q.metric = m.metric
              and q.fence <> p_fence
            order by q.recorded_at desc
            limit p_count_max)
    from unnest(p_metrics) as m (metric);
$$;

-- Keeps what a run measured and what its gate found. Call record_verdict first, in the same
-- transaction; it locks that one verdict.
create or replace function contimg.record_gate(
  p_group_id text,
  p_task_name text,
  p_fence text,
  p_details jsonb,
  p_metrics jsonb
)
  returns void
  language sql
as $$
  update contimg.quality_verdicts v
     set details = p_details
   where v.group_id = p_group_id and v.task_name = p_task_name and v.fence = p_fence;
  insert into contimg.quality_metrics (group_id, task_name, metric, value, fence)
  select p_group_id, p_task_name, m.key, m.value::double precision, p_fence
    from jsonb_each_text(p_metrics) as m
  on conflict (task_name, metric, fence) do update set value = excluded.value;
$$;

-- The inputs of a run that stand on a person's release, however far up: the product that was
-- released, and the words of who did it.
-- p_inputs: [{path, product_id or null}], as in register_products.
create or replace function contimg.released_upstream(p_inputs jsonb)
  returns table (final_path text, task_name text, released_by text, reason text)
  language sql
  stable
as $$
  with recursive upstream (product_id) as (
    select coalesce(i.product_id, p.product_id)
      from jsonb_to_recordset(p_inputs) as i (path text, product_id uuid)
      left join contimg.products p on p.final_path = i.path and p.superseded_at is null
    union
    select x.input_product_id
      from upstream u
      join contimg.product_inputs x on x.product_id = u.product_id
     where x.input_product_id is not null
  )
  select p.final_path, p.task_name, c.decided_by, c.reason
    from upstream u
    join contimg.products p on p.product_id = u.product_id
    join contimg.quality_cases c on c.fence = p.fence and c.state = 'released'
   where p.ordinal = 0
   order by p.final_path;
$$;

-- The task whose work a task stands for: itself, unless it stands in for another.
create or replace function contimg.recovery_root(p_task_id uuid)
  returns uuid
  language sql
  stable
as $$
  select coalesce(
    (select r.root_task_id from contimg.quality_recoveries r where r.task_id = p_task_id),
    p_task_id);
$$;

-- The word of a product's gate where it forbids to use it: hold or reject; null for a product that
-- may be used. A release lifts a hold.
create or replace function contimg.barred_by(p_product contimg.products)
  returns text
  language sql
  stable
as $$
  select case c.state when 'held' then 'hold' else 'reject' end
    from contimg.quality_cases c
   where c.fence = p_product.fence and c.state in ('held', 'rejected');
$$;

-- Decides a held case of a group's stage, once: of two people at the same time the second is told
-- that there is nothing to decide (no row). The verdict and the products of the run say it, too.
-- Locks the group, its products of that run, the case, the verdict.
create or replace function contimg.decide_case(
  p_group_id text,
  p_task_name text,
  p_state text,
  p_by text,
  p_reason text
)
  returns contimg.quality_cases
  language plpgsql
as $$
declare
  v_case contimg.quality_cases;
begin
  perform contimg.lock_group(p_group_id);
  select * into v_case
    from contimg.quality_cases c
   where c.group_id = p_group_id and c.task_name = p_task_name and c.state = 'held'
   order by c.opened_at desc
   limit 1
     for update;
  if not found then
    return null;
  end if;
  update contimg.products p
     set metadata = p.metadata || jsonb_build_object('quality_override', jsonb_build_object(
           'decision', p_state, 'by', p_by, 'at', now(), 'reason', p_reason))
   where p.fence = v_case.fence;
  update contimg.quality_cases c
     set state = p_state,
         decided_by = p_by,
         decided_at = clock_timestamp(),
         reason = p_reason,
         -- A rejected task is cancelled and takes note of nothing; without a task nobody waits.
         settled_at = case when p_state = 'rejected' or c.task_id is null
                           then clock_timestamp() end
   where c.case_id = v_case.case_id
  returning * into v_case;
  if p_state = 'rejected' then
    update contimg.quality_verdicts v
       set grade = 'reject'
     where v.group_id = p_group_id and v.task_name = p_task_name and v.fence = v_case.fence;
  end if;
  return v_case;
end;
$$;

-- Closes the held cases that a new run of a group's stage has made void: its products have taken
-- their place, so there is nothing to release any more. Returns the tasks that wait for a decision
-- in vain; the caller cancels them. Locks those cases in the order of their time.
create or replace function contimg.close_void_cases(
  p_group_id text,
  p_task_name text,
  p_fence text
)
  returns setof uuid
  language sql
as $$
  with void as materialized (
    select c.case_id
      from contimg.quality_cases c
     where c.group_id = p_group_id
       and c.task_name = p_task_name
       and c.fence <> p_fence
       and c.state = 'held'
     order by c.opened_at
       for update
  ), closed as (
    update contimg.quality_cases c
       set state = 'rejected',
           decided_by = 'contimg',
           decided_at = clock_timestamp(),
           reason = 'a later run took its place',
           settled_at = clock_timestamp()
      from void v
     where c.case_id = v.case_id
    returning c.task_id
  )
  select c.task_id from closed c where c.task_id is not null;
$$;
