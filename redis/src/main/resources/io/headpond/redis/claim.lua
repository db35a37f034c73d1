-- Which entry a request id belongs to; in the partition that the id falls into. It stands a little longer than the request itself, counted from when it was last asked for to write.
-- KEYS  where it stands
-- ARGV  the entry's key, nothing to have only told; the generation of the claim that was voided, which is taken over, 0 for none
-- Answer: generation, the key that it belongs to, and how long it has, in microseconds
local refused = enter()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local value = redis.pcall('GET', key)
if type(value) == 'table' then
  return redis.error_reply(foreign(key))
end
local out = answer()
if not value and ARGV[8] == '' then
  out[#out + 1] = 0
  out[#out + 1] = ''
  out[#out + 1] = 0
elseif not value or tonumber(string.sub(value, 1, 16)) == tonumber(ARGV[9]) then
  local generation = next_version()
  if not generation then
    return redis.error_reply('there is no higher version')
  end
  refused = refusal_of(redis.pcall('SET', key, padded(generation) .. ' ' .. ARGV[8], 'PX', 86460000))
  if refused then
    return refused
  end
  save()
  out[#out + 1] = generation
  out[#out + 1] = ARGV[8]
  out[#out + 1] = 0
else
  if string.sub(value, 18) == ARGV[8] then
    refused = refusal_of(redis.pcall('PEXPIRE', key, 86460000))
    if refused then
      return refused
    end
  end
  local generation = tonumber(string.sub(value, 1, 16))
  out[#out + 1] = generation
  out[#out + 1] = string.sub(value, 18)
  out[#out + 1] = math.max(0, math.max(part.clock, now) - generation)
end
return done(out)
