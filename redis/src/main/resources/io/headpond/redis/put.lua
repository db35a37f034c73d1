-- Carries out writes, one after the other. Of each
-- KEYS  its entry, and if it has a request id where that is remembered
-- ARGV  flags; write id; row; if it expects something the version and the token; if it has a request id its generation and fingerprint
-- flags V a value or N a removal; S staged; E expects, L a letter, A which is tried again; Q has a request id
-- Answer: the number of tenants, then of each a code and a value:
--   0 to 3  written; 1 in the place of an earlier write, 2 one pending entry more; the version, where there are tenants with what the tenant has
--   10 full; 11 something is pending or staged; 12 another value; 13 carried out before; 14 the claim was voided; 15 what is in the way; 16 no version left; 17 no such version
local writes, special = 0, TENANT ~= 0
do
  local at = OWN_ARGS + 1
  while at < #ARGV do
    local flags = ARGV[at]
    writes = writes + 1
    at = at + 3
    if #flags > 1 then
      special = special or string.find(flags, 'S', 2, true) ~= nil
      at = at + (string.find(flags, 'E', 2, true) and 2 or 0) + (string.find(flags, 'Q', 2, true) and 2 or 0)
    end
  end
end
local refused = enter(not special)
if refused then
  return refused
end
-- As many versions as there are writes; so mostly nothing is left to be saved.
part.saved[1] = math.min(math.max(part.clock + writes, now + writes - 1), MAX_VERSION)
refused = refusal_of(redis.pcall('HSET', P, 'clock', text(part.saved[1])))
if refused then
  return refused
end

local announced = false
local foreign_request
local key_at, arg_at = OWN_KEYS, OWN_ARGS

local function next_key()
  key_at = key_at + 1
  return KEYS[key_at]
end

local function next_arg()
  arg_at = arg_at + 1
  return ARGV[arg_at]
end

local function room_for(k, entries, bytes)
  if part.ready + part.deferred + part.staged + entries > MAX_ENTRIES and entries > 0 then
    return false
  end
  if part.bytes + bytes > MAX_BYTES then
    return false
  end
  if TENANT == 0 then
    return true
  end
  local e, b = tenant_counts(tenant_of(k))
  return (entries == 0 or e < MAX_ENTRIES - part.ready - part.deferred - part.staged) and b < MAX_BYTES - part.bytes
end

-- Whether the store holds what is expected; if not, what it holds instead.
local function check(w, e, letter)
  local is_letter = e and e.state == 'L' and e or letter
  local now_there = e and stands(e) and e or nil
  local miss = not now_there or now_there.state == 'T'
  local same
  if w.letter then
    same = is_letter and is_letter.version == w.version
  elseif miss then
    same = now_there and w.token == now_there.id
  else
    same = w.token == '0000000000000000' and now_there.version == w.version
  end
  if not same then
    return 12, now_there and e.value or give_token(w.key, w.id)
  end
  if miss and not w.letter and not loaded(w.version) then
    return 17, w.version
  end
end

local function remembered(w)
  local value = redis.pcall('GET', w.request)
  if type(value) == 'table' then
    foreign_request = foreign(w.request)
    return 15, foreign_request
  end
  if value and string.sub(value, 1, 1) == 'R' then
    return 13, value
  end
  if value and string.sub(value, 1, 1) == 'V' and tonumber(string.sub(value, 3, 18)) >= w.generation then
    return 14, 0
  end
end

local function result(k, version, coalesced, added)
  local code = (coalesced and 1 or 0) + (added and 2 or 0)
  if TENANT == 0 or not added then
    return code, version
  end
  return code, {version, tenant_counts(tenant_of(k))}
end

local function stage(w, k, e, letter)
  if e and e.pending then
    return 11, 0
  end
  local size = size_of(k, HEADER + #w.row, '')
  if not w.again and not room_for(k, 1, size) then
    return 10, 0
  end
  local version = next_version()
  if not version then
    return 16, 0
  end
  call('HSET', ROWS, k, header('S', w.kind, version, w.id, version) .. w.row)
  part.staged = part.staged + call('ZADD', STAGED, text(version), k)
  count(k, 'S', 1, size)
  if e and e.state == 'T' then
    call('DEL', w.key)
  end
  announced = true
  return result(k, version, false, true)
end

local function rewrite(w, k, e)
  local more = #w.row + HEADER - #e.value
  if more > 0 and not w.again and not room_for(k, 0, more) then
    return 10, 0
  end
  local version = next_version()
  if not version then
    return 16, 0
  end
  call('SET', w.key, header(e.state, w.kind, version, w.id, e.time) .. w.row)
  if more ~= 0 then
    count(k, e.state, 0, more)
  end
  return result(k, version, true, false)
end

local function add(w, k, letter)
  local size = size_of(k, HEADER + #w.row, '')
  if not w.again and not room_for(k, 1, size) then
    return 10, 0
  end
  local version = next_version()
  if not version then
    return 16, 0
  end
  local since = version
  if letter then
    -- Until the database has the new value it is owed what the letter was.
    since = letter.time
    forget(k, letter)
  end
  call('SET', w.key, header('R', w.kind, version, w.id, since) .. w.row)
  join(k, 'R', size, version)
  announced = announced or part.ready == 1 or part.ready % BATCH == 0
  return result(k, version, letter ~= nil, true)
end

local function write(w)
  if w.request then
    local code, value = remembered(w)
    if code then
      return code, value
    end
  end
  local k = string.sub(w.key, ENTRY)
  local e, wrong = entry(w.key)
  if wrong then
    return 15, wrong
  end
  local letter
  if e and e.state == 'L' then
    letter = e
  elseif not (e and e.pending) then
    letter = conflict(k)
  end
  local staged = part.staged > 0 and call('HEXISTS', ROWS, k) == 1
  if staged and (w.staged or w.expects) or (w.staged and e and e.pending) then
    return 11, 0
  end
  if w.expects then
    local code, value = check(w, e, letter)
    if code then
      return code, value
    end
  end
  if w.staged then
    return stage(w, k, e, letter)
  elseif e and e.pending then
    return rewrite(w, k, e)
  end
  return add(w, k, letter)
end

local out = answer()
out[#out + 1] = 0
local tenants_at = #out
while arg_at < #ARGV - 1 do
  local w = {key = next_key()}
  local flags = next_arg()
  w.kind = string.sub(flags, 1, 1)
  w.id = next_arg()
  w.row = next_arg()
  if #flags > 1 then
    w.staged = string.find(flags, 'S', 2, true) ~= nil
    w.letter = string.find(flags, 'L', 2, true) ~= nil
    w.again = string.find(flags, 'A', 2, true) ~= nil
    if string.find(flags, 'E', 2, true) then
      w.expects = true
      w.version = tonumber(next_arg())
      w.token = next_arg()
    end
    if string.find(flags, 'Q', 2, true) then
      w.request = next_key()
      w.generation = tonumber(next_arg())
      w.fingerprint = next_arg()
    end
  end
  local code, value = write(w)
  if w.request and code < 10 then
    local version = type(value) == 'table' and value[1] or value
    call('SET', w.request, 'R ' .. padded(version) .. ' ' .. padded(now) .. ' ' .. string.sub(w.key, ENTRY) .. '\n' .. w.fingerprint,
      'PX', 86400000)
  elseif w.request and code ~= 13 and code ~= 14 and not (code == 15 and value == foreign_request) then
    -- Nobody may use the claim any more, so that it can be given up.
    call('SET', w.request, 'V ' .. padded(w.generation), 'PX', 3600000)
  end
  out[#out + 1] = code
  out[#out + 1] = value
end
out[tenants_at] = part.tenants
part.clock = math.max(part.clock, part.saved[1])
save()
if announced then
  written()
end
return done(out)
