-- Gives up a claim of a request id whose write was not carried out.
-- KEYS  where it stands
-- ARGV  generation
local refused = enter() or begin()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local value = redis.pcall('GET', key)
if type(value) == 'string' and tonumber(string.sub(value, 1, 16)) == tonumber(ARGV[8]) then
  call('DEL', key)
end
return done(answer())
