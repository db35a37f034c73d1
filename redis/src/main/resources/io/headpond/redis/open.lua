-- Opens the partition under a lease.
-- ARGV  epoch; highest version in the database; 1 if the database says that this store wrote last
-- Answer: lost_after and lost_until
local refused = enter()
if refused and not part.closed then
  return refused
end
local epoch, high, resumed = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1'
refused = fenced(epoch) or begin()
if refused then
  return refused
end
local lost = redis.call('HMGET', P, 'lost_after', 'lost_until')
local lost_after, lost_until = tonumber(lost[1] or 0), tonumber(lost[2] or 0)
if resumed and high > part.clock then
  lost_after = lost_until == 0 and part.clock or math.min(lost_after, part.clock)
  lost_until = high
end
part.clock = math.max(part.clock, high, now)
part.opened = math.max(part.opened + 1, part.clock)
if part.closed then
  part.life = math.max(part.life + 1, part.clock)
end
part.epoch = epoch
save()
call('HSET', P, 'run', ARGV[#ARGV], 'epoch', text(epoch), 'life', text(part.life), 'opened', text(part.opened),
  'lost_after', text(lost_after), 'lost_until', text(lost_until), 'frontier', text(part.frontier))
local out = answer()
out[#out + 1] = lost_after
out[#out + 1] = lost_until
return done(out)
