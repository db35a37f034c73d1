-- The database refuses an entry: it is deferred, or a letter.
-- KEYS  the entry
-- ARGV  epoch; version; write id; 1 if the last batch carried it, so that a newer value is concerned as well; P to park it, D to defer it; then in microseconds from now when it is due and when
--       it was refused; attempts; time of the refusal, for people; class; code; message
-- Answer: 1 if it is so now
local refused = enter()
refused = refused or fenced(tonumber(ARGV[8])) or begin()
if refused then
  return refused
end
local version, id, carried, park = tonumber(ARGV[9]), ARGV[10], ARGV[11] == '1', ARGV[12] == 'P'
local due_at, noted = now + tonumber(ARGV[13]), now + tonumber(ARGV[14])
local key = KEYS[OWN_KEYS + 1]
local k = string.sub(key, ENTRY)
local out = answer()
local e = owed(key, k)
local same = e and e.version == version and e.id == id
local concerned = same or (e and carried and not park and e.pending and e.version > version and e.time <= version)
out[#out + 1] = concerned and 1 or 0
if not concerned then
  return done(out)
end
local r = e.state == 'R' and {first = ARGV[16]} or refusal(k)
local length = #e.value
local before = e.state == 'R' and '' or r.message
local since = e.time
if e.state == 'R' then
  since = tonumber(call('ZSCORE', READY, k) or e.time)
elseif e.state == 'D' then
  since = tonumber(call('ZSCORE', SINCE, k) or e.time)
end
leave(k, e.state, size_of(k, length, before))
if e.conflict then
  drop_conflict(k)
end
local message = ARGV[19]
local there = park and part.parked_bytes or part.bytes
local moves = park ~= (e.state == 'L')
if there + size_of(k, length, message) > MAX_BYTES and (moves or #message > #before) then
  -- There is always room for the refusal, for its text only where there is.
  message = '...'
end
call('HSET', REFUSED, k, cjson.encode({
  attempts = tonumber(ARGV[15]), first = r.first, last = ARGV[16], noted = text(noted), class = ARGV[17], code = ARGV[18], message = message
}))
local size = size_of(k, length, message)
if park then
  join(k, 'L', size)
  local letter = header('L', e.kind, e.version, e.id, e.time) .. string.sub(e.value, HEADER + 1)
  if ARGV[17] == 'CONFLICT' then
    part.conflicts = part.conflicts + call('HSET', CONFLICTS, k, letter)
    call('DEL', key)
  else
    call('SET', key, letter)
  end
  tell('parked', text(e.version), k .. '\n' .. message)
else
  join(k, 'D', size, since, due_at)
  call('SET', key, header('D', e.kind, e.version, e.id, e.time) .. string.sub(e.value, HEADER + 1))
  if noted > part.noted then
    part.noted = noted
    call('HSET', P, 'noted', text(noted))
  end
end
save()
return done(out)
