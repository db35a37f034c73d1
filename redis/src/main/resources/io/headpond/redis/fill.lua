-- Stores what was read from the database, if the token stands.
-- KEYS  the entry
-- ARGV  V or N; version; token; write id; row; time to live, and of what is absent, in milliseconds
-- Answer: the entry's value; 0 if the token does not stand; 17 if no row may have that version; 16 if there is no version left
local refused = enter()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local kind, version, token, id, row = ARGV[8], tonumber(ARGV[9]), ARGV[10], ARGV[11], ARGV[12]
local out = answer()
local e, wrong = entry(key)
if wrong then
  return redis.error_reply(wrong)
end
if not e or e.state ~= 'T' or not stands(e) or e.id ~= token then
  out[#out + 1] = 0
  return done(out)
end
if not loaded(version) then
  out[#out + 1] = 17
  return done(out)
end
if version == 0 and kind == 'V' then
  version = next_version()
  if not version then
    out[#out + 1] = 16
    return done(out)
  end
  id = GIVEN
end
refused = refusal_of(redis.pcall('HSET', P, 'clock', text(part.clock)))
if refused then
  return refused
end
set_clean(key, kind, version, id, row, ARGV[13], ARGV[14])
out[#out + 1] = call('GET', key)
return done(out)
