-- Retry rules of kinds.

-- Sets the policy of registered task names; known ones are brought up to date. p_kinds:
-- [{ task_name, policy }], policy as in absurd.retry_rule or absent. Writes only what differs, in the
-- order of names. Raises WF037 for a policy that is none.
create or replace function absurd.set_kind_policies(p_kinds jsonb)
  returns void
  language plpgsql
as $$
declare
  v_bad record;
begin
  select g.task_name, absurd.policy_problem(g.policy) as problem into v_bad
    from jsonb_to_recordset(p_kinds) as g(task_name text, policy jsonb)
   where absurd.policy_problem(g.policy) is not null
   limit 1;
  if found then
    raise exception using
      errcode = 'WF037',
      message = format('task name "%s": %s', v_bad.task_name, v_bad.problem);
  end if;
  with changed as materialized (
    select k.kind_id, g.policy
      from jsonb_to_recordset(p_kinds) as g(task_name text, policy jsonb)
      join absurd.kind k on k.name = g.task_name
     where k.policy is distinct from g.policy
     order by k.name
       for update of k
  )
  update absurd.kind k set policy = c.policy from changed c where k.kind_id = c.kind_id;
end;
$$;
