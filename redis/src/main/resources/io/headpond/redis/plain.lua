-- The usual case of put.lua, before all that it does not need, since a function costs time where it is defined: writes that expect nothing, are not staged and have no request
-- id, into an open partition that has nothing but clean and ready entries, without tenants. The answer is the same. Anything else is left to put.lua, before anything is written.
if ARGV[4] == '0' and #ARGV - 8 == 3 * (#KEYS - 10) then
  local call, try = redis.call, redis.pcall
  local format, sub, find = string.format, string.sub, string.find
  local P, READY = KEYS[1], KEYS[2]
  local h = try('HMGET', P, 'run', 'clock', 'life', 'opened', 'frontier', 'epoch', 'bytes')
  local ready = try('ZCARD', READY)
  local usual = not h.err and h[1] == ARGV[#ARGV] and h[2] and type(ready) == 'number'
    and call('EXISTS', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]) == 0
  local headers, sizes = {}, {}
  if usual then
    local arg = 8
    for i = 11, #KEYS do
      local key = KEYS[i]
      if #ARGV[arg] ~= 1 then
        usual = false
        break
      end
      arg = arg + 3
      if not headers[key] then
        local e = try('GETRANGE', key, 0, 52)
        if e == '' then
          headers[key] = e
        elseif type(e) == 'string' and find(e, '^[RCT][VN] %d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d %x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x %d') then
          headers[key] = e
          sizes[key] = sub(e, 1, 1) == 'R' and call('STRLEN', key) or nil
        else
          usual = false
          break
        end
      end
    end
  end
  if usual then
    local now = tonumber(ARGV[1])
    if not now then
      local time = call('TIME')
      now = time[1] * 1000000 + time[2]
    end
    local clock, bytes = math.max(tonumber(h[2]), math.min(now, 9007199254740991)), tonumber(h[7] or 0)
    usual = clock + #KEYS < 9007199254740991
    if usual then
      local most_entries, most_bytes, batch = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
      local out = {0, now, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
      local n, arg, prefix = 19, 8, #P + 8
      local announced, written = false, false
      for i = 11, #KEYS do
        local key, row = KEYS[i], ARGV[arg + 2]
        local pending = sizes[key]
        local more = pending and #row + 53 - pending or #key - prefix + 1 + #row + 64
        local code, value
        if more > 0 and bytes + more > most_bytes or not pending and ready + 1 > most_entries then
          code, value = 10, 0
        else
          clock = clock + 1
          local version = format('%016.0f', clock)
          local header = 'R' .. ARGV[arg] .. ' ' .. version .. ' ' .. ARGV[arg + 1] .. ' ' .. (pending and sub(headers[key], 38, 53) or version)
          if written then
            call('SET', key, header .. row)
          else
            -- The first one that a server refuses which is full, read-only or cannot save.
            local first = try('SET', key, header .. row)
            if first.err then
              return redis.error_reply((string.gsub(first.err, '^@user_script:%s*%d+:%s*%-?', '')))
            end
            written = true
          end
          headers[key], sizes[key] = header, #row + 53
          bytes = bytes + more
          if pending then
            code, value = 1, clock
          else
            ready = ready + call('ZADD', READY, format('%.0f', clock), sub(key, prefix))
            announced = announced or ready == 1 or ready % batch == 0
            code, value = 2, clock
          end
        end
        out[n + 1], out[n + 2] = code, value
        n, arg = n + 2, arg + 3
      end
      if written then
        call('HSET', P, 'clock', format('%.0f', clock), 'bytes', format('%.0f', bytes))
      end
      if announced then
        try('PUBLISH', ARGV[2], 'written ' .. ARGV[3] .. ' ' .. ready)
      end
      local oldest = ready > 0 and tonumber(call('ZRANGE', READY, 0, 0, 'WITHSCORES')[2]) or 0
      -- A time that was not kept must not be told: the server's clock may go back.
      out[3], out[4], out[5], out[6], out[7] = written and clock or tonumber(h[2]), tonumber(h[3] or 0), tonumber(h[4] or 0), tonumber(h[5] or 0), tonumber(h[6] or 0)
      out[8], out[13], out[16], out[17] = ready, bytes, oldest, oldest
      return out
    end
  end
end
