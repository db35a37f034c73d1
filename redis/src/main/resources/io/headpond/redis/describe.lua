-- All that is known of entries that are owed.
-- KEYS  the entries
-- ARGV  1 with their rows, 0 without
-- Answer: of each its value, or nothing if nothing is owed; since when it is pending; when it is due, 0 if it is not deferred; attempts; first and last refusal; class; code; message
local refused = enter()
if refused then
  return refused
end
local out = answer()
for i = OWN_KEYS + 1, #KEYS do
  local key = KEYS[i]
  local k = string.sub(key, ENTRY)
  local e = owed(key, k)
  if e then
    local since, due_at = e.time, 0
    if e.state == 'R' then
      since = tonumber(call('ZSCORE', READY, k) or since)
    elseif e.state == 'D' then
      since = tonumber(call('ZSCORE', SINCE, k) or since)
      due_at = tonumber(call('ZSCORE', DEFERRED, k) or 0)
    end
    out[#out + 1] = ARGV[8] == '1' and e.value or string.sub(e.value, 1, HEADER)
    out[#out + 1] = since
    out[#out + 1] = due_at
  else
    out[#out + 1] = ''
    out[#out + 1] = 0
    out[#out + 1] = 0
  end
  told(out, k)
end
return done(out)
