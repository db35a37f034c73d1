-- What is kept beside the entries.
-- KEYS  the store
-- ARGV  1 to keep something, 0 to have it told; what
-- Answer: what is kept
local kept = redis.pcall('HGET', P, 'mapping')
if type(kept) == 'table' then
  return redis.error_reply(foreign(P))
end
if ARGV[1] == '1' then
  local refused = refusal_of(redis.pcall('HSET', P, 'mapping', ARGV[2]))
  return refused or ARGV[2]
end
return kept
