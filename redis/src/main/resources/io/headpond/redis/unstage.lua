-- Forgets a staged write: what the database refused, or, without an epoch, one that no batch has taken.
-- KEYS  the entry
-- ARGV  epoch or nothing; version; write id
-- Answer: 0 it is not there; 1 it is forgotten; 2 a batch has taken it, or may have
local refused = enter()
if not refused and ARGV[8] ~= '' then
  refused = fenced(tonumber(ARGV[8]))
end
refused = refused or begin()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local k = string.sub(key, ENTRY)
local out = answer()
local s = staged_row(k)
if not s or s.version ~= tonumber(ARGV[9]) or s.id ~= ARGV[10] then
  out[#out + 1] = 0
elseif ARGV[8] == '' and (s.state == 'U' or s.version <= part.life) then
  -- Of one that is older than this life it may have been forgotten that a batch has it.
  out[#out + 1] = 2
else
  drop_staged(k, s)
  local e = entry(key)
  if ARGV[8] ~= '' and e and (e.state == 'C' or e.state == 'T') then
    -- If the database has it after all, neither a cached value nor a load under way may hide that.
    call('DEL', key)
  end
  save()
  out[#out + 1] = 1
end
return done(out)
