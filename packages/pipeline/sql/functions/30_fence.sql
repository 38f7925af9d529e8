-- Whether an attempt may still write, asked by its fence. Waits for a transaction that is just
-- ending the attempt. A fence that is lost is lost for good.
create or replace function contimg.fence_holds(p_fence text)
  returns boolean
  language plpgsql
as $$
begin
  perform absurd.hold_fence(p_fence);
  return true;
exception
  when sqlstate 'WF001' then return false;
end;
$$;
