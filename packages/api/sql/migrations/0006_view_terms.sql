-- What a saved view says is kept as its page's terms. Before, it was a filter of tasks, and of the
-- other pages a text in quotes: what their address said, "state=open&find=no+space". Rows are
-- rewritten once, under the lock that adding a column takes; there are as many as people saved.

alter table absurd_api.view add column terms jsonb;

-- application/x-www-form-urlencoded, as browsers write it: UTF-8, a space is "+".
create function absurd_api.form_text(coded text) returns text
  language sql immutable strict
  return (
    select coalesce(convert_from(string_agg(
      case when part.m[1] ~ '^%[0-9A-Fa-f]{2}$' then decode(substr(part.m[1], 2), 'hex')
           else convert_to(part.m[1], 'UTF8') end, ''::bytea order by part.place), 'UTF8'), '')
      from regexp_matches(replace(coded, '+', ' '), '%[0-9A-Fa-f]{2}|[^%]+|%', 'g')
           with ordinality as part (m, place));

create function absurd_api.form_terms(q text) returns jsonb
  language sql immutable strict
  return (
    select coalesce(jsonb_object_agg(split_part(pair, '=', 1),
      absurd_api.form_text(substr(pair, strpos(pair, '=') + 1))), '{}')
      from regexp_split_to_table(substr(q, 2, length(q) - 2), '&') as pair
     where pair like '_%=_%');

-- A text that is no page's address is a filter of tasks: only dead letters read it as one.
update absurd_api.view set terms = case
  when q ~ '^"\w+=[^"]*"$' and page <> 'tasks' then absurd_api.form_terms(q)
  when page in ('tasks', 'dead-letters') and q <> '' then jsonb_build_object('q', q)
  else '{}' end;

update absurd_api.view set terms = terms - 'mine' || '{"mine": true}'
 where page = 'failures' and terms ? 'mine';

-- What a page does not know it left out.
update absurd_api.view set terms = terms - 'state'
 where page = 'failures' and terms ->> 'state' not in ('open', 'acknowledged', 'resolved', 'all');
update absurd_api.view set terms = terms - 'status'
 where page = 'workflows'
   and terms ->> 'status' not in ('running', 'completed', 'failed', 'cancelled');

-- No other term was ever written; one that is not the page's would not be read.
update absurd_api.view set terms = (
  select coalesce(jsonb_object_agg(term.key, term.value), '{}') from jsonb_each(terms) as term
   where term.key = any (case page
     when 'tasks' then array['q']
     when 'failures' then array['state', 'find', 'mine']
     when 'workflows' then array['name', 'status']
     else array['q', 'fingerprint'] end));

drop function absurd_api.form_terms(text);
drop function absurd_api.form_text(text);

alter table absurd_api.view
  alter column terms set not null,
  add constraint view_terms_are_an_object check (jsonb_typeof(terms) = 'object'),
  drop column q;
