-- Some of the keys that are owed, in no order, as a cursor finds them.
-- ARGV  ready, since or parked; cursor
-- Answer: the next cursor, then the keys
local refused = enter()
if refused then
  return refused
end
local sets = {ready = READY, since = SINCE, parked = PARKED}
local found = call('ZSCAN', sets[ARGV[8]], ARGV[9], 'COUNT', 500)
local out = answer()
out[#out + 1] = found[1]
for i = 1, #found[2], 2 do
  out[#out + 1] = found[2][i]
end
return done(out)
