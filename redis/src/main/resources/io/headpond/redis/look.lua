-- How the partition stands.
-- ARGV  1 if later versions must be above the time that is told, whatever becomes of the server's clock; 0 if that may be left undone where nothing is pending
local refused = enter()
if refused then
  return refused
end
if ARGV[8] == '1' or part.ready + part.deferred + part.staged > 0 then
  refused = begin()
  if refused then
    return refused
  end
  tick()
  call('HSET', P, 'clock', text(part.clock))
end
return done(answer())
