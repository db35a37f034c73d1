-- What the store knows of some entries; a miss is given a token, the one that stands or a new one.
-- KEYS  the entries
-- ARGV  of each a token
-- Answer: of each its value
local refused = enter()
if refused then
  return refused
end
local out = answer()
local missed = {}
for i = 1, #KEYS - OWN_KEYS do
  local key = KEYS[OWN_KEYS + i]
  local e, wrong = entry(key)
  if wrong then
    return redis.error_reply(wrong)
  end
  if e and stands(e) then
    out[#out + 1] = e.value
  else
    out[#out + 1] = ''
    missed[#missed + 1] = i
  end
end
if #missed > 0 then
  refused = refusal_of(redis.pcall('HSET', P, 'clock', text(part.clock)))
  if refused then
    return refused
  end
  for _, i in ipairs(missed) do
    local key = KEYS[OWN_KEYS + i]
    -- Twice in one call it is the same token.
    local e = entry(key)
    out[18 + i] = e and stands(e) and e.value or give_token(key, ARGV[OWN_ARGS + i])
  end
end
return done(out)
