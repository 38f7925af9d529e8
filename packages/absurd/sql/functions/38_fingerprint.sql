-- Fingerprints: the same for errors that are the same but for the numbers, names and places in them.

-- A message without what differs from one occurrence to the next: UUIDs, times, paths, hexadecimal
-- numbers, numbers. Cut to 500 characters.
create or replace function absurd.normalised_message(p_message text)
  returns text
  language sql immutable strict parallel safe
as $$
  select left(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          regexp_replace(
            left(p_message, 4000),
            '\m[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\M', '<uuid>', 'gi'),
          '(^|[\s"''(=:<,])([a-z]+://|[a-z]:\\|\.{0,2}/)[^\s"''),;:>]+', '\1<path>', 'gi'),
        '\m(0x[0-9a-f]+|(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,})\M', '<hex>', 'gi'),
      '[-+]?[0-9]+([.,:_][0-9]+)*(e[-+]?[0-9]+)?', '<n>', 'gi'),
    500);
$$;

-- 16 hexadecimal digits for (task name, tag, normalised message).
create or replace function absurd.fingerprint(p_task_name text, p_error jsonb)
  returns text
  language sql immutable parallel safe
as $$
  select left(md5(concat_ws(
    chr(31), p_task_name, coalesce(p_error ->> 'tag', ''),
    absurd.normalised_message(coalesce(p_error ->> 'message', ''))
  )), 16);
$$;
