-- The fence: who may still write for a task. It is (task, claim number, worker, epoch), all four
-- compared with the lease; its text form is <task>-<claim>-<worker>-<epoch>, numbers but the
-- claim and the worker in hexadecimal.

create or replace function absurd.fence_text(
  p_task_number bigint, p_claim_no integer, p_worker_id integer, p_epoch bigint
)
  returns text
  language sql immutable strict parallel safe
as $$
  select to_hex(p_task_number) || '-' || p_claim_no || '-' || p_worker_id || '-' || to_hex(p_epoch);
$$;

create or replace function absurd.hex_number(p_hex text)
  returns bigint
  language sql immutable strict parallel safe
as $$
  select ('x' || lpad(p_hex, 16, '0'))::bit(64)::bigint;
$$;

-- Locks the lease of a fence until the transaction ends and returns it.
--
-- While the lock is held nobody can recover, cancel or time out the task, so what the transaction
-- writes is written by the holder. Locks one lease row.
-- Raises WF001 when the fence is stale or is no fence.
create or replace function absurd.hold_fence(p_fence text)
  returns absurd.lease
  language plpgsql
as $$
declare
  v_lease absurd.lease;
  v_part text[] := string_to_array(p_fence, '-');
begin
  if p_fence ~ '^[0-9a-f]{1,16}-[0-9]{1,9}-[0-9]{1,9}-[0-9a-f]{1,16}$' then
    select l.* into v_lease
      from absurd.lease l
     where l.task_id = absurd.hex_number(v_part[1])
       and l.claim_no = v_part[2]::integer
       and l.worker_id = v_part[3]::integer
       and l.epoch = absurd.hex_number(v_part[4])
       for update;
  end if;
  if v_lease.task_id is null then
    raise exception using
      errcode = 'WF001',
      message = format('fence %s no longer holds the lease of its task', p_fence);
  end if;
  return v_lease;
end;
$$;
