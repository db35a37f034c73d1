-- What a person does with an entry.
-- KEYS  the entry
-- ARGV  retry, discard, purge, or carried: a purge also of what a batch may carry; version; write id of a new version
-- Answer: 0 done; 1 nothing of this version is there; 2 it is pending; 3 a later write has taken its place; 4 nobody can know
local refused = enter() or begin()
if refused then
  return refused
end
local what, version = ARGV[8], tonumber(ARGV[9])
local key = KEYS[OWN_KEYS + 1]
local k = string.sub(key, ENTRY)
local out = answer()
local e, wrong = owed(key, k)
if wrong then
  return redis.error_reply(wrong)
end

local function may_be_carried()
  if e.state == 'R' then
    return tonumber(call('ZSCORE', READY, k) or 0) <= part.carried
  end
  return tonumber(call('ZSCORE', DEFERRED, k) or 0) <= part.carried_due
end

local function fate()
  if not e or e.version < version then
    return 1
  elseif e.version > version then
    return 3
  elseif e.pending and what == 'purge' then
    return may_be_carried() and 4 or 0
  elseif e.pending then
    return what == 'carried' and 0 or 2
  elseif what == 'retry' and part.staged > 0 and call('HEXISTS', ROWS, k) == 1 then
    return 4
  end
  return 0
end

local function retry()
  local r = refusal(k)
  local id = e.id
  if r.overtaken or e.conflict then
    -- The database may have a newer one than it has.
    version = next_version()
    if not version then
      return redis.error_reply('there is no higher version')
    end
    id = ARGV[10]
  end
  forget(k, e)
  r.attempts, r.first, r.overtaken = 0, text(now), nil
  call('HSET', REFUSED, k, cjson.encode(r))
  -- Due whatever the clock.
  join(k, 'D', size_of(k, #e.value, r.message), e.time, math.min(now, tonumber(r.noted)))
  call('SET', key, header('D', e.kind, version, id, e.time) .. string.sub(e.value, HEADER + 1))
  part.noted = math.max(part.noted, tonumber(r.noted))
  call('HSET', P, 'noted', text(part.noted))
  written()
end

local found = fate()
out[#out + 1] = found
if found == 0 then
  if what == 'retry' then
    refused = retry()
    if refused then
      return refused
    end
  else
    forget(k, e)
    call('DEL', key)
  end
  save()
end
return done(out)
