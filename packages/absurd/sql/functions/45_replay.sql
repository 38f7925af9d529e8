-- Outcomes that waited outside of the database while it was away.

-- Takes the end of one attempt from a worker's spool and says what became of it: taken; known, when
-- this very end was taken before; refused, when the fence no longer holds.
--
-- p_ending: completed, or a class of absurd.fail_attempts. p_body: JSON as text, of the result or
-- the error. The lease decides, whether or not its worker still lives: as for complete_task.
-- Locks the lease, then what complete_task and fail_attempts lock. Raises 22023 for another ending.
create or replace function absurd.replay_outcome(p_fence text, p_ending text, p_body text)
  returns text
  language plpgsql
as $$
declare
  v_lease absurd.lease;
begin
  if p_ending not in ('completed', 'retryable', 'recoverable', 'fatal', 'validation', 'timeout',
                      'cancelled', 'released') then
    raise exception using
      errcode = '22023', message = format('ending is "%s", expected completed or a class', p_ending);
  end if;
  begin
    v_lease := absurd.hold_fence(p_fence);
  exception when sqlstate 'WF001' then
    return case when absurd.has_ended(p_fence, p_ending) then 'known' else 'refused' end;
  end;
  if p_ending = 'completed' then
    perform absurd.complete_task(p_fence, p_body::jsonb);
  else
    perform absurd.fail_attempts(
      v_lease.worker_id, v_lease.epoch, array[v_lease.task_id], array[v_lease.claim_no],
      array[p_ending], array[p_body], array[random()]
    );
  end if;
  return 'taken';
end;
$$;

-- True when the attempt of this fence ended so, by this worker's report. Locks nothing.
create or replace function absurd.has_ended(p_fence text, p_ending text)
  returns boolean
  language sql stable
as $$
  with f as materialized (
    select absurd.hex_number(split_part(p_fence, '-', 1)) as task_id,
           split_part(p_fence, '-', 2)::integer as claim_no,
           split_part(p_fence, '-', 3)::integer as worker_id
     where p_fence ~ '^[0-9a-f]{1,16}-[0-9]{1,9}-[0-9]{1,9}-[0-9a-f]{1,16}$'
  )
  select exists (
           select from f
             join absurd.outcome o
               on o.task_id = f.task_id and o.claim_no = f.claim_no and o.worker_id = f.worker_id
            where case when p_ending = 'completed' then o.kind = 'c' else o.kind = 'x' end
         )
      or exists (
           select from f
             join absurd.attempt a
               on a.task_id = f.task_id and a.claim_no = f.claim_no and a.worker_id = f.worker_id
            where a.class = p_ending
         )
      or p_ending = 'released' and exists (
           select from f
             join absurd.credit c on c.task_id = f.task_id and c.claim_no = f.claim_no
         );
$$;
