-- What is kept beside the entries.
-- KEYS  the store
-- ARGV  1 to keep something, 0 to have it told; what
-- Answer: what is kept
if ARGV[1] == '1' then
  local first = redis.pcall('HSET', P, 'mapping', ARGV[2])
  if type(first) == 'table' then
    return first.err and string.find(first.err, 'WRONGTYPE', 1, true) and redis.error_reply(foreign(P)) or first
  end
end
local kept = redis.pcall('HGET', P, 'mapping')
return type(kept) == 'table' and redis.error_reply(foreign(P)) or kept
