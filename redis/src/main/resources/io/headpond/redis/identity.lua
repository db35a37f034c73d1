-- Who the store is. Whoever comes first says so.
-- KEYS  the store
-- ARGV  id; number of partitions; version of the hash
-- Answer: the same three as they stand there
local there = redis.pcall('HMGET', P, 'id', 'partitions', 'hash')
if there.err then
  return redis.error_reply(foreign(P))
end
if there[1] and there[2] and there[3] then
  return there
end
local refused = refusal_of(redis.pcall('HSET', P, 'id', ARGV[1], 'partitions', ARGV[2], 'hash', ARGV[3]))
return refused or {ARGV[1], ARGV[2], ARGV[3]}
