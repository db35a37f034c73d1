-- The values of entries that were chosen for a batch, as they are now. What is written later has a version above the clock that is told.
-- KEYS  the entries
-- ARGV  epoch; the state that they are in
-- Answer: of each its value; nothing if it is not in that state any more
local refused = enter()
refused = refused or fenced(tonumber(ARGV[8])) or begin()
if refused then
  return refused
end
tick()
local out = answer()
for i = OWN_KEYS + 1, #KEYS do
  local e, wrong = entry(KEYS[i])
  if e and e.state == ARGV[9] then
    out[#out + 1] = e.value
  else
    out[#out + 1] = ''
    if wrong or not e or not e.pending then
      -- Somebody has taken the value away: there is nothing that could be written.
      local k = string.sub(KEYS[i], ENTRY)
      part.ready = part.ready - call('ZREM', READY, k)
      part.deferred = part.deferred - call('ZREM', DEFERRED, k)
      call('ZREM', SINCE, k)
    end
  end
end
save()
return done(out)
