-- Chooses what the next batch is made of. Staged writes are marked: they are not taken back by who waits for them any more.
-- ARGV  epoch; the most staged, ready and deferred ones
-- Answer: the turn (0 staged, 1 ready, 2 deferred), frontier, how many are ready beside these, since when the oldest of those is; then
--   of staged ones key and value, of ready ones the key, of deferred ones key, attempts and time of the first refusal
local refused = enter()
refused = refused or fenced(tonumber(ARGV[8])) or begin()
if refused then
  return refused
end
tick()
local most = {[0] = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])}

local function any(turn)
  if turn == 0 then
    return part.staged > 0
  elseif turn == 1 then
    return part.ready > 0
  end
  return part.deferred > 0 and #due(1) > 0
end

local turn = 1
for i = 1, 3 do
  local next_turn = (part.turn + i) % 3
  if any(next_turn) then
    turn = next_turn
    part.turn = turn
    break
  end
end

local out = answer()
local head = #out
for i = 1, 4 do
  out[head + i] = 0
end
local remaining, oldest_remaining = part.ready, 0
local oldest = part.clock
part.carried, part.carried_due = 0, 0

local function add(value)
  out[#out + 1] = value
end

local function not_taken(since)
  oldest = math.min(oldest, since)
end

-- Not while a write of its key is staged, which comes before it.
local function offered(k)
  return part.staged == 0 or call('HEXISTS', ROWS, k) == 0
end

local function take_staged()
  for _, k in ipairs(call('ZRANGE', STAGED, 0, most[0] - 1)) do
    local s = staged_row(k)
    if s then
      if s.state == 'S' then
        call('HSET', ROWS, k, 'U' .. string.sub(s.value, 2))
      end
      if part.parked > 0 and call('ZSCORE', PARKED, k) then
        local r = refusal(k)
        if not r.overtaken then
          -- Should nobody ever learn what becomes of the staged write, the letter must not go over it as the older one.
          r.overtaken = true
          call('HSET', REFUSED, k, cjson.encode(r))
        end
      end
      add(k)
      add('U' .. string.sub(s.value, 2))
    else
      part.staged = part.staged - call('ZREM', STAGED, k)
    end
  end
end

local function take_ready()
  local list = call('ZRANGE', READY, 0, most[1] + part.staged, 'WITHSCORES')
  local taken, after = 0, nil
  for i = 1, #list, 2 do
    local k, since = list[i], tonumber(list[i + 1])
    if taken < most[1] and offered(k) then
      taken = taken + 1
      part.carried = since
      add(k)
    elseif not after then
      after = since
    end
  end
  remaining = part.ready - taken
  oldest_remaining = after or 0
end

local function take_deferred()
  local list = {}
  for _, k in ipairs(due(most[2] + part.staged)) do
    if #list < most[2] and offered(k) then
      list[#list + 1] = {k, tonumber(call('ZSCORE', SINCE, k) or 0)}
    end
  end
  table.sort(list, function(a, b)
    return a[2] < b[2] or (a[2] == b[2] and a[1] < b[1])
  end)
  local chosen = {}
  part.carried_due = now
  for _, item in ipairs(list) do
    local r = refusal(item[1])
    -- One that was refused before the clock was set back may be due later than now.
    part.carried_due = math.max(part.carried_due, tonumber(call('ZSCORE', DEFERRED, item[1]) or 0))
    chosen[item[1]] = true
    add(item[1])
    add(r.attempts)
    add(tonumber(r.first))
  end
  return chosen
end

local chosen = {}
if turn == 0 then
  take_staged()
elseif turn == 1 then
  take_ready()
else
  chosen = take_deferred()
end
if turn ~= 1 and part.ready > 0 then
  oldest_remaining = first_score(READY)
end
if oldest_remaining ~= 0 then
  not_taken(oldest_remaining)
end
if part.deferred > 0 then
  local list = call('ZRANGE', SINCE, 0, turn == 2 and most[2] or 0, 'WITHSCORES')
  for i = 1, #list, 2 do
    if not chosen[list[i]] then
      not_taken(tonumber(list[i + 1]))
      break
    end
  end
end
out[head + 1] = turn
out[head + 2] = math.max(part.frontier, oldest)
out[head + 3] = remaining
out[head + 4] = oldest_remaining
save()
call('HSET', P, 'turn', part.turn, 'carried', text(part.carried), 'carried_due', text(part.carried_due))
return done(out)
