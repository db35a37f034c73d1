-- The database has some mutations.
-- KEYS  their entries
-- ARGV  epoch; frontier, nothing to leave it; time to live, and of what is absent, in milliseconds; then of each version, write id, and since when what was written later is owed
local refused = enter()
refused = refused or fenced(tonumber(ARGV[8])) or begin()
if refused then
  return refused
end
local ttl, absent_ttl = ARGV[10], ARGV[11]

-- There is a newer value.
local function carried(key, k, e, since)
  local size = #e.value
  if e.state == 'D' then
    local message = refusal(k).message
    leave(k, 'D', size_of(k, size, message))
    call('HDEL', REFUSED, k)
    join(k, 'R', size_of(k, size, ''), since)
  else
    call('ZADD', READY, 'XX', text(since), k)
  end
  call('SET', key, header('R', e.kind, e.version, e.id, since) .. string.sub(e.value, HEADER + 1))
end

local function settle(key, version, id, since)
  local k = string.sub(key, ENTRY)
  local e, wrong = entry(key)
  local owes = e and (e.pending or e.state == 'L') and e or (not wrong and conflict(k)) or nil
  local s = staged_row(k)
  if s and s.version == version and s.id == id then
    drop_staged(k, s)
    if owes and owes.version > version then
      return
    end
    if owes then
      -- The database has a later write of the letter's key.
      forget(k, owes)
    end
    if not wrong then
      set_clean(key, s.kind, version, id, string.sub(s.value, HEADER + 1), ttl, absent_ttl)
    end
    return
  end
  if owes and owes.version == version and owes.id == id then
    forget(k, owes)
    set_clean(key, owes.kind, version, id, string.sub(owes.value, HEADER + 1), ttl, absent_ttl)
  elseif owes and owes.pending then
    if owes.version > version and owes.time <= version then
      carried(key, k, owes, since)
    end
  elseif e and (e.state == 'T' or (e.state == 'C' and (e.version < version or e.id == GIVEN))) then
    call('DEL', key)
  end
end

local told_now = {}
local arg = 11
for i = OWN_KEYS + 1, #KEYS do
  settle(KEYS[i], tonumber(ARGV[arg + 1]), ARGV[arg + 2], tonumber(ARGV[arg + 3]))
  told_now[#told_now + 1] = ARGV[arg + 1] .. ' ' .. string.sub(KEYS[i], ENTRY)
  arg = arg + 3
end
save()
if ARGV[9] ~= '' then
  part.frontier = tonumber(ARGV[9])
  call('HSET', P, 'frontier', text(part.frontier))
end
if #told_now > 0 then
  tell('settled', table.concat(told_now, '\n'))
end
return done(answer())
