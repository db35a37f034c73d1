-- The request that was carried out under an id; if none was, a claim of this generation or an older one is voided.
-- KEYS  where it is remembered
-- ARGV  generation, 0 to void nothing
-- Answer: what is remembered; nothing if there is nothing
local refused = enter()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local value = redis.pcall('GET', key)
if type(value) == 'table' then
  return redis.error_reply(foreign(key))
end
local out = answer()
out[#out + 1] = value and string.sub(value, 1, 1) == 'R' and value or ''
if out[#out] == '' and ARGV[8] ~= '0' then
  refused = refusal_of(redis.pcall('SET', key, 'V ' .. padded(tonumber(ARGV[8])), 'PX', 86400000))
  if refused then
    return refused
  end
end
return done(out)
