-- What all scripts of a partition share. Each of them begins with enter(), which changes nothing, and ends with done(out).
--
-- KEYS  the ten of the partition, in the order below, then those that the script names.
-- ARGV  1 the time in microseconds, or nothing for the server's; 2 the channel; 3 the partition; 4 which part of a key is the tenant, 0 for none, -1 for all of it;
--       5 most entries; 6 most bytes; 7 how many entries make a batch; then the script's own; the last is the run id of the server process.
-- Answer: 18 numbers (see done), then the script's own; or one negative number: -1 the partition is closed, -2 fenced, with the epoch that was seen.
--
-- A script that answers with an error has written nothing. What it relies on is checked before its first write, which is tried with pcall: a server that is full, read-only or
-- cannot save refuses that one, or none.

local P, READY, DEFERRED, SINCE, PARKED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local REFUSED, CONFLICTS, STAGED, ROWS, TENANTS = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local OWN_KEYS, OWN_ARGS = 10, 7
local ENTRY = #P + 8
local TENANT = tonumber(ARGV[4])
local MAX_ENTRIES, MAX_BYTES, BATCH = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local MAX_VERSION = 9007199254740991
local OVERHEAD, HEADER = 64, 53
-- In the place of the write id, of a row without a version: the one that it is given says nothing of how old it is.
local GIVEN = '0000000000000000'
local TOKEN_MILLIS = 60000
local FORM = '^[RDLCTSU][VN] (%d+) (%x+) (%d+)'
local call = redis.call
local ORDER = {2, 3, 5, 7, 8, 4, 6, 9, 10}

local now
local part = {}

local function text(number)
  return string.format('%.0f', number)
end

local function padded(number)
  return string.format('%016.0f', number)
end

local function foreign(key)
  return key .. ' holds a ' .. call('TYPE', key).ok .. ' that is none of Headpond'
end

-- What to answer if the first write was refused, in the server's own words; nil if it was not.
local function refusal_of(result)
  if type(result) == 'table' and result.err then
    return redis.error_reply((string.gsub(result.err, '^@user_script:%s*%d+:%s*%-?', '')))
  end
end

local function count_of(command, key)
  local count = redis.pcall(command, key)
  return type(count) == 'number' and count or nil
end

-- Reads the partition; returns what to answer if nothing can be done. Where a script says so, keys that are empty and that it does not touch then are not looked at.
local function enter(brief)
  local h = redis.pcall('HMGET', P, 'run', 'clock', 'epoch', 'frontier', 'life', 'opened', 'turn', 'carried', 'carried_due',
    'noted', 'bytes', 'deferred_bytes', 'parked_bytes')
  if h.err then
    return redis.error_reply(foreign(P))
  end
  local counts = {}
  for _, i in ipairs(ORDER) do
    -- The second ones of each kind have entries only where the first has.
    if not brief or i ~= 4 and i ~= 6 and i ~= 9 and i ~= 10 or i == 4 and counts[3] > 0 or i == 6 and counts[3] + counts[5] > 0 or i == 9 and counts[8] > 0 then
      local count = count_of((i == 6 or i == 7 or i >= 9) and 'HLEN' or 'ZCARD', KEYS[i])
      if not count then
        return redis.error_reply(foreign(KEYS[i]))
      end
      counts[i] = count
    end
  end
  if ARGV[1] == '' then
    local time = call('TIME')
    now = time[1] * 1000000 + time[2]
  else
    now = math.min(tonumber(ARGV[1]), MAX_VERSION)
  end
  part.run = h[1]
  part.clock = tonumber(h[2] or 0)
  part.epoch = tonumber(h[3] or 0)
  part.frontier = tonumber(h[4] or 0)
  part.life = tonumber(h[5] or 0)
  part.opened = tonumber(h[6] or 0)
  part.turn = tonumber(h[7] or 2)
  part.carried = tonumber(h[8] or 0)
  part.carried_due = tonumber(h[9] or 0)
  part.noted = tonumber(h[10] or 0)
  part.bytes = tonumber(h[11] or 0)
  part.deferred_bytes = tonumber(h[12] or 0)
  part.parked_bytes = tonumber(h[13] or 0)
  part.ready, part.deferred, part.parked = counts[2], counts[3], counts[5]
  part.saved = {part.clock, part.bytes, part.deferred_bytes, part.parked_bytes}
  part.conflicts, part.staged, part.tenants = counts[7], counts[8], counts[10] or 0
  if not h[1] or h[1] ~= ARGV[#ARGV] or not h[2] then
    part.closed = true
    return {-1}
  end
end

local function fenced(epoch)
  if epoch < part.epoch then
    return {-2, part.epoch}
  end
end

-- A write that a full server does not refuse, nor anything that the script writes after it. Returns the error if it is refused all the same.
local function begin()
  return refusal_of(redis.pcall('HDEL', P, ''))
end

local function tick()
  part.clock = math.max(part.clock, now)
end

-- A version higher than any before; nil if there is none.
local function next_version()
  local version = math.max(part.clock + 1, now)
  if version > MAX_VERSION then
    return nil
  end
  part.clock = version
  return version
end

-- A row of the database has this version.
local function loaded(version)
  if version < 0 or version >= MAX_VERSION then
    return false
  end
  part.clock = math.max(part.clock, version)
  return true
end

-- What is empty has no bytes, whatever was counted: so a value that somebody deleted is not counted for ever.
local function save()
  if part.deferred == 0 then
    part.deferred_bytes = 0
  end
  if part.parked == 0 then
    part.parked_bytes = 0
  end
  if part.ready + part.deferred + part.staged == 0 then
    part.bytes = 0
  end
  local saved = part.saved
  if part.bytes ~= saved[2] or part.deferred_bytes ~= saved[3] or part.parked_bytes ~= saved[4] then
    call('HSET', P, 'clock', text(part.clock), 'bytes', text(part.bytes), 'deferred_bytes', text(part.deferred_bytes),
      'parked_bytes', text(part.parked_bytes))
  elseif part.clock ~= saved[1] then
    call('HSET', P, 'clock', text(part.clock))
  end
end

-- Tells the other processes. That somebody may not is no reason to fail in the middle.
local function tell(...)
  redis.pcall('PUBLISH', ARGV[2], table.concat({...}, ' '))
end

local function written()
  tell('written', ARGV[3], part.ready)
end

-- Entries: 53 characters, then the row.

local function header(state, kind, version, id, time)
  return string.format('%s%s %016.0f %s %016.0f', state, kind, version, id, time)
end

-- What a value of ours says; nil if it is none.
local function parse(value)
  local version, id, time = string.match(string.sub(value, 1, HEADER), FORM)
  if not version or #version ~= 16 or #id ~= 16 or #time ~= 16 then
    return nil
  end
  local state = string.sub(value, 1, 1)
  return {
    state = state,
    kind = string.sub(value, 2, 2),
    version = tonumber(version),
    id = id,
    time = tonumber(time),
    pending = state == 'R' or state == 'D',
    value = value
  }
end

-- The entry of a key; nil if there is none; then what is there instead, if something is.
local function entry(key)
  local value = redis.pcall('GET', key)
  if not value then
    return nil
  end
  local e = type(value) == 'string' and parse(value)
  if not e then
    return nil, foreign(key)
  end
  return e
end

-- Whether readers are given it: what is clean is of this life, a token of this lease.
local function stands(e)
  if e.state == 'C' then
    return e.time == part.life
  elseif e.state == 'T' then
    return e.time == part.opened
  end
  return true
end

local function give_token(key, id)
  local value = header('T', 'N', 0, id, part.opened)
  call('SET', key, value, 'PX', TOKEN_MILLIS)
  return value
end

-- What the database has had against an entry.
local function refusal(k)
  local json = call('HGET', REFUSED, k)
  local ok, r = pcall(cjson.decode, json or '')
  if not ok or type(r) ~= 'table' then
    r = {}
  end
  return {
    attempts = r.attempts or 0, first = r.first or '0', last = r.last or '0', noted = r.noted or '0',
    class = r.class or 'UNKNOWN', code = r.code or '', message = r.message or '', overtaken = r.overtaken or nil
  }
end

-- What a list of these is made of: nine numbers and texts of an entry.
local function told(out, k)
  local r = refusal(k)
  out[#out + 1] = r.attempts
  out[#out + 1] = tonumber(r.first)
  out[#out + 1] = tonumber(r.last)
  out[#out + 1] = r.class
  out[#out + 1] = r.code
  out[#out + 1] = r.message
end

local function size_of(k, length, message)
  return #k + length - HEADER + OVERHEAD + #message
end

-- The tenants: entries and bytes that are pending, and those of them that are deferred.

local function tenant_of(k)
  if TENANT < 0 then
    return k
  end
  local i = 0
  for component in string.gmatch(k .. ',', '([^,]*),') do
    i = i + 1
    if i == TENANT then
      return component
    end
  end
  return k
end

local function tenant_counts(tenant)
  local counts = {}
  for number in string.gmatch(call('HGET', TENANTS, tenant) or '', '%S+') do
    counts[#counts + 1] = tonumber(number)
  end
  return counts[1] or 0, counts[2] or 0, counts[3] or 0, counts[4] or 0
end

local function count_tenant(k, entries, bytes, deferred, deferred_bytes)
  if TENANT == 0 then
    return
  end
  local tenant = tenant_of(k)
  local e, b, d, db = tenant_counts(tenant)
  if e + entries <= 0 then
    part.tenants = part.tenants - call('HDEL', TENANTS, tenant)
  else
    part.tenants = part.tenants + call('HSET', TENANTS, tenant,
      table.concat({text(e + entries), text(b + bytes), text(d + deferred), text(db + deferred_bytes)}, ' '))
  end
end

-- Counts so many entries more in a state, of so many bytes together.
local function count(k, state, entries, bytes)
  if state == 'L' then
    part.parked_bytes = part.parked_bytes + bytes
    return
  end
  part.bytes = part.bytes + bytes
  if state == 'D' then
    part.deferred_bytes = part.deferred_bytes + bytes
    count_tenant(k, entries, bytes, entries, bytes)
  else
    count_tenant(k, entries, bytes, 0, 0)
  end
end

local function join(k, state, size, since, due)
  if state == 'R' then
    part.ready = part.ready + call('ZADD', READY, text(since), k)
  elseif state == 'D' then
    part.deferred = part.deferred + call('ZADD', DEFERRED, text(due), k)
    call('ZADD', SINCE, text(since), k)
  else
    part.parked = part.parked + call('ZADD', PARKED, 0, k)
  end
  count(k, state, 1, size)
end

local function leave(k, state, size)
  if state == 'R' then
    part.ready = part.ready - call('ZREM', READY, k)
  elseif state == 'D' then
    part.deferred = part.deferred - call('ZREM', DEFERRED, k)
    call('ZREM', SINCE, k)
  else
    part.parked = part.parked - call('ZREM', PARKED, k)
  end
  count(k, state, -1, -size)
end

-- The letter of a key that is a conflict, as an entry; nil if there is none.
local function conflict(k)
  if part.conflicts == 0 then
    return nil
  end
  local value = call('HGET', CONFLICTS, k)
  local e = value and parse(value) or nil
  if e then
    e.conflict = true
  end
  return e
end

local function drop_conflict(k)
  part.conflicts = part.conflicts - call('HDEL', CONFLICTS, k)
end

-- What is owed of a key: pending, or a letter; nil if nothing is.
local function owed(key, k)
  local e, wrong = entry(key)
  if wrong then
    return nil, wrong
  end
  if e and (e.pending or e.state == 'L') then
    return e
  end
  return conflict(k)
end

-- It is not owed any more, whatever its state was.
local function forget(k, e)
  local message = ''
  if e.state ~= 'R' then
    message = refusal(k).message
    call('HDEL', REFUSED, k)
  end
  leave(k, e.state, size_of(k, #e.value, message))
  if e.conflict then
    drop_conflict(k)
  end
end

local function set_clean(key, kind, version, id, row, ttl, absent_ttl)
  call('SET', key, header('C', kind, version, id, part.life) .. row, 'PX', kind == 'V' and ttl or absent_ttl)
end

local function staged_row(k)
  if part.staged == 0 then
    return nil
  end
  local value = call('HGET', ROWS, k)
  return value and parse(value) or nil
end

local function drop_staged(k, s)
  call('HDEL', ROWS, k)
  part.staged = part.staged - call('ZREM', STAGED, k)
  count(k, 'S', -1, -size_of(k, #s.value, ''))
end

-- The deferred ones whose time has come, first those that have waited longest. If the clock stands before a refusal it was set back, and tells nothing.
local function due(most)
  local found = call('ZRANGEBYSCORE', DEFERRED, '-inf', text(now), 'LIMIT', 0, most)
  if #found < most and part.noted > now then
    for _, k in ipairs(call('ZRANGEBYSCORE', DEFERRED, '(' .. text(now), '+inf', 'LIMIT', 0, 1000)) do
      if #found == most then
        break
      end
      if tonumber(refusal(k).noted) > now then
        found[#found + 1] = k
      end
    end
  end
  return found
end

local function first_score(key)
  return tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or 0)
end

local function answer()
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
end

local function done(out)
  local oldest_ready = part.ready > 0 and first_score(READY) or 0
  local oldest, next_due = oldest_ready, 0
  if part.deferred > 0 then
    local since = first_score(SINCE)
    oldest = (oldest == 0 or since < oldest) and since or oldest
    next_due = first_score(DEFERRED)
    if next_due <= now or (part.noted > now and #due(1) > 0) then
      next_due = now
    end
  end
  out[1], out[2], out[3], out[4], out[5] = 0, now, part.clock, part.life, part.opened
  out[6], out[7], out[8], out[9], out[10] = part.frontier, part.epoch, part.ready, part.deferred, part.parked
  out[11], out[12], out[13], out[14], out[15] = part.conflicts, part.staged, part.bytes, part.deferred_bytes, part.parked_bytes
  out[16], out[17], out[18] = oldest, oldest_ready, next_due
  return out
end
